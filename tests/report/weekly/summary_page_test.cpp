// SPDX-License-Identifier: Apache-2.0
#include "report/weekly/summary_page.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "report/answer.hpp"
#include "report/format/row.hpp"
#include "support/hostile.hpp"
#include "support/html.hpp"

namespace cgmm::report {
namespace {

using core::Table;
using test::Html;

constexpr std::int64_t kHourUs = std::int64_t{3600} * 1'000'000;
constexpr std::int64_t kDayUs = 24 * kHourUs;
constexpr std::int64_t kUntilUs = std::int64_t{1'795'403'520} * 1'000'000;  // 2026-11-23T03:12:00Z
constexpr std::int64_t kMiB = 1024 * 1024;
constexpr TimeAsked kWeek{kUntilUs - 7 * kDayUs, kUntilUs, true};

core::Cell integer(std::int64_t value) { return value; }

void set(Table& table, std::string_view column, core::Cell cell) {
  table.rows[0][column_of(table, column)] = std::move(cell);
}

/// A week in which one reclaim freed 4 MiB three hours before the end.
SummaryPage page_of_a_week() {
  SummaryPage page;
  page.status = answer_of("status", {{{"node", "node-7"}}});
  page.summary = answer_of("summary", {{{"scans", integer(10)},
                                        {"covered_pct", 99.5},
                                        {"reclaims", integer(1)},
                                        {"freed_bytes", integer(4 * kMiB)},
                                        {"watched_freed_bytes", integer(4 * kMiB)},
                                        {"refaulted_bytes", integer(kMiB)},
                                        {"observed_freed_bytes", integer(4 * kMiB)},
                                        {"stayed_free_bytes", integer(2 * kMiB)},
                                        {"held_byte_seconds", integer(3600 * kMiB)},
                                        {"cgroups_relieved", integer(1)},
                                        {"oom_kills", integer(0)}}});
  page.reclaims_by_hour =
      answer_of("reclaims_by_hour", {{{"at_us", integer(kUntilUs / kHourUs * kHourUs - 3 * kHourUs)},
                                      {"freed_bytes", integer(4 * kMiB)},
                                      {"refaulted_bytes", integer(kMiB)}}});
  return page;
}

std::vector<std::string> texts(const std::vector<test::HtmlElement>& elements) {
  std::vector<std::string> all;
  for (const auto& element : elements) all.push_back(element.text);
  return all;
}

std::size_t bars(const Html& page) {
  for (const auto& path : page.all("path")) {
    if (path.has_class("f0")) return static_cast<std::size_t>(std::ranges::count(path.attributes.at("d"), 'M'));
  }
  return 0;
}

TEST(SummaryPage, HasTheAnswerFirstAndItsNumbersAtAGlance) {
  SummaryPage page = page_of_a_week();
  page.sections.before_advice = {{.title = "OOM kills", .columns = {"a"}, .rows = {}, .about = "What was killed."}};
  page.sections.after_advice = {{.title = "Coverage", .columns = {"a"}, .rows = {}, .below = "and 2 more"}};
  const Html html(summary_page(page, kWeek));
  EXPECT_EQ(activity_of(html), "");
  EXPECT_EQ(texts(html.all("h1")), std::vector<std::string>{"Memory report of node-7"});
  ASSERT_EQ(html.of_class("lead").size(), 1u);
  EXPECT_TRUE(html.of_class("lead")[0].text.starts_with("In the last 7 days 1 reclaim freed 4.0 MiB in 1 cgroup"));
  EXPECT_EQ(texts(html.all("strong")), (std::vector<std::string>{"4.0 MiB", "25 %", "2.0 MiB", "0", "99.5 %"}));
  EXPECT_TRUE(html.of_class("alarm").empty());
  EXPECT_EQ(texts(html.all("h2")), (std::vector<std::string>{"Freed in each hour", "OOM kills", "Advice", "Coverage"}));
  const std::vector<std::string> said = texts(html.of_class("remark"));
  for (const char* const text : {"What was killed.", "and 2 more"})
    EXPECT_EQ(std::ranges::count(said, text), 1) << text;
  EXPECT_EQ(bars(html), 1u);
}

TEST(SummaryPage, RaisesAnAlarmForAnOomKill) {
  SummaryPage page = page_of_a_week();
  set(page.summary, "oom_kills", integer(2));
  EXPECT_EQ(Html(summary_page(page, kWeek)).of_class("alarm").size(), 1u);
}

TEST(SummaryPage, LeadsToTheLastOomKill) {
  SummaryPage page = page_of_a_week();
  EXPECT_EQ(summary_page(page, kWeek).find("incident show"), std::string::npos) << "there was none";
  page.oom_kills = {.title = "",
                    .columns = {"id", "killed_at_us", "cgroup", "victim_comm", "kills"},
                    .rows = {{integer(16), integer(kWeek.until_us - 1'000'000), "shop/web/app", "nginx", integer(1)}}};
  const std::vector<std::string> said = texts(Html(summary_page(page, kWeek)).all("p"));
  EXPECT_TRUE(std::ranges::any_of(said, [](const std::string& one) {
    return one.starts_with("The last OOM kill was that of shop/web/app at ");
  })) << summary_page(page, kWeek);
}

TEST(SummaryPage, WithoutAnyReclaimHasNoChart) {
  const SummaryPage nothing;
  const Html html(summary_page(nothing, kWeek));
  EXPECT_TRUE(html.all("svg").empty());
  EXPECT_TRUE(html.all("strong").empty());
  EXPECT_EQ(texts(html.all("h1")), std::vector<std::string>{"Memory report"});
}

TEST(SummaryPage, HasWiderBarsForALongerTimeAndLosesNone) {
  SummaryPage page = page_of_a_week();
  for (const auto& [days, heading] :
       std::vector<std::pair<std::int64_t, std::string>>{{7, "Freed in each hour"},
                                                         {14, "Freed in each 3 hours"},
                                                         {120, "Freed in each day"},
                                                         {700, "Freed in each week"},
                                                         {20'000, "Freed in each period"}}) {
    const Html html(summary_page(page, {kUntilUs - days * kDayUs, kUntilUs, true}));
    EXPECT_EQ(texts(html.all("h2"))[0], heading);
    EXPECT_EQ(bars(html), 1u) << heading;
    EXPECT_LE(html.of_class("hit").size(), 172u) << heading;
  }
}

TEST(SummaryPage, BeginsWithTheHistory) {
  SummaryPage page = page_of_a_week();
  set(page.summary, "history_begins_at_us", integer(kUntilUs - 5 * kHourUs));
  EXPECT_LE(Html(summary_page(page, kWeek)).of_class("hit").size(), 7u);
  // It begins at 0:42. The reclaim is in the hour from 0:00 on, of which the chart has 18 minutes.
  set(page.summary, "history_begins_at_us", integer(kUntilUs - 5 * kHourUs / 2));
  const Html html(summary_page(page, kWeek));
  std::string said;
  for (const auto& svg : html.all("svg")) {
    if (svg.attributes.contains("aria-label")) said += svg.attributes.at("aria-label");
  }
  EXPECT_TRUE(said.starts_with("Chart, 2026-11-23T00:42:00Z to 2026-11-23T03:12:00Z;")) << said;
  const std::vector<std::string> told = texts(html.all("title"));  // the first is the page's
  ASSERT_GE(told.size(), 2u);
  EXPECT_TRUE(told[1].starts_with("2026-11-23T00:42:00Z\nfreed 4.0 MiB")) << told[1];
}

TEST(SummaryPage, OfHostileNamesIsWellFormed) {
  for (const auto& [label, name] : test::hostile_texts()) {
    SummaryPage page = page_of_a_week();
    set(page.status, "node", name);
    page.oom_kills = answer_of(
        "oom_kills",
        {{{"killed_at_us", integer(kUntilUs - kHourUs)}, {"cgroup", name}, {"victim_comm", name}, {"path", name}},
         {{"killed_at_us", integer(kUntilUs - kDayUs)}, {"cgroup", name}}});
    page.gaps = answer_of(
        "gaps",
        {{{"from_at_us", integer(kUntilUs - kDayUs)}, {"to_at_us", integer(kUntilUs - kHourUs)}, {"why", name}}});
    Finding churner{.workload = name, .evidence = {}, .advice = {}};
    churner.evidence.path = name;
    churner.evidence.churn_count = 5;
    churner.evidence.freed_bytes = churner.evidence.refaulted_bytes = 100 * kMiB;
    churner.advice = core::Advice{.reason = "Because.", .path = name};
    const std::vector<Finding> findings{churner};
    page.findings = findings;
    page.sections.before_advice = {{.title = name, .columns = {name}, .rows = {{name}}, .about = name, .below = name}};
    page.sections.after_advice = page.sections.before_advice;
    const Html html(summary_page(page, kWeek));
    EXPECT_EQ(activity_of(html), "") << label;
    EXPECT_EQ(html.all("pre").size(), 1u) << label;
    EXPECT_EQ(html.all("h3").size(), 1u) << label;
  }
}

TEST(MemorySeries, HaveTheHighestUsageWhereItIsKnown) {
  const auto labels = [](std::optional<double> peak) {
    std::string text;
    for (const Series& one : memory_series({.usage = {{1, 5.0, peak}}, .cache = {}, .anon = {}, .shmem = {}})) {
      text += one.label + "; ";
    }
    return text;
  };
  EXPECT_EQ(labels(9.0), "usage; reclaimable cache; anonymous; highest usage; ");
  EXPECT_EQ(labels(5.0), "usage; reclaimable cache; anonymous; ");
  EXPECT_EQ(labels(std::nullopt), "usage; reclaimable cache; anonymous; ");
}

TEST(Marks, SayWhoWasKilledAndHowManyAndOfReclaimsAreOfOneCgroup) {
  const Table kills{
      .title = "",
      .columns = {"killed_at_us", "cgroup", "victim_comm", "kills"},
      .rows = {
          {integer(3), "web", "nginx", integer(12)}, {integer(2), "db", {}, integer(1)}, {integer(1), {}, {}, {}}}};
  std::vector<std::string> labels;
  for (const Mark& mark : kill_marks(kills)) labels.push_back(mark.label);
  EXPECT_EQ(labels, (std::vector<std::string>{"12 kills: nginx", "OOM kill: db", "OOM kill: not tracked"}));
  EXPECT_EQ(kill_marks(kills)[0].count, 12);
  EXPECT_EQ(kill_marks(kills)[1].at_us, 2);
  const Table reclaims{.title = "",
                       .columns = {"started_at_us", "outcome", "freed_bytes", "path"},
                       .rows = {{integer(1), "done", integer(kMiB), "/web"},
                                {integer(2), "failed", {}, "/web"},
                                {integer(3), "dry run", {}, "/web"},
                                {integer(4), "done", integer(kMiB), "/db"}}};
  ASSERT_EQ(reclaim_marks(reclaims, "/web").size(), 2u);
  EXPECT_EQ(reclaim_marks(reclaims, "/web")[0].label, "freed 1.0 MiB");
  EXPECT_EQ(reclaim_marks(reclaims, "/web")[1].label, "reclaim failed");
  const Table gaps{.title = "",
                   .columns = {"from_at_us", "to_at_us", "why"},
                   .rows = {{integer(1), integer(2), "no scan since"}, {integer(3), integer(4), "not known"}}};
  EXPECT_EQ(gap_bands(gaps)[0].label, "no scan since");
  EXPECT_EQ(gap_bands(gaps)[1].label, "no scan: not known");
}

}  // namespace
}  // namespace cgmm::report
