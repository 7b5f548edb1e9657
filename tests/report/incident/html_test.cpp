// SPDX-License-Identifier: Apache-2.0
// An OOM kill as a page: the answer first, what the charts show, and that nothing in it can do harm.
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "report/incident/made_incident.hpp"
#include "support/hostile.hpp"
#include "support/html.hpp"

namespace cgmm::report {
namespace {

using test::Html;

class IncidentPageTest : public IncidentTest {
 protected:
  /// Well-formed, and without anything that could run or fetch.
  Html page() const {
    Html html(render_incident(made(), Format::html, {}));
    EXPECT_EQ(activity_of(html), "");
    return html;
  }
  static std::vector<std::string> texts(const std::vector<test::HtmlElement>& elements) {
    std::vector<std::string> all;
    for (const auto& element : elements) all.push_back(element.text);
    return all;
  }
  static std::vector<std::string> tiles(const Html& html) { return texts(html.all("strong")); }
  /// What the charts say they are, for those who do not see them.
  static std::vector<std::string> charts(const Html& html) {
    std::vector<std::string> all;
    for (const auto& svg : html.all("svg")) {
      if (svg.attributes.contains("aria-label")) all.push_back(svg.attributes.at("aria-label"));
    }
    return all;
  }
  /// Whether a tooltip has all of it.
  static bool is_pointed_at(const Html& html, const std::vector<std::string>& parts) {
    return std::ranges::any_of(html.all("title"), [&](const auto& title) {
      return std::ranges::all_of(parts, [&](const auto& part) { return title.text.find(part) != std::string::npos; });
    });
  }
  static std::vector<std::string> sections(const Html& html) { return texts(html.all("h2")); }
};

TEST_F(IncidentPageTest, SaysWhoWhyAndWhetherReclaimWouldHaveHelpedFirst) {
  about["node"] = text("node-7");
  const Html html = page();
  const std::string title = "OOM kill 7: python3 (pid 4319) in container app of pod shop/web-7d9c5b8f6d-x2x4z";
  EXPECT_EQ(texts(html.all("h1")), std::vector<std::string>{title});
  EXPECT_EQ(html.all("title")[0].text, title);
  EXPECT_EQ(texts(html.of_class("remark"))[0], "Killed at 2026-11-23T03:12:00.123Z on node-7");
  EXPECT_EQ(texts(html.of_class("lead")), (std::vector<std::string>{why(made()), would_reclaim_have_helped(made())}));
  EXPECT_EQ(tiles(html), (std::vector<std::string>{"256.0 MiB", "256.0 MiB", "1.3 MiB", "41.8 MiB/s", "5 s", "0"}));
  EXPECT_TRUE(html.of_class("alarm").empty());
  EXPECT_EQ(texts(html.all("dt")), (std::vector<std::string>{"again", "memory", "victim", "growth", "done", "cgroup"}));
}

TEST_F(IncidentPageTest, WhereItGrewAlreadyAtTheFirstSampleTheTimeIsAtLeastThat) {
  const auto last_tile = [&] { return tiles(page())[4]; };
  samples.rows.clear();
  add_sample(samples, kKilledUs - 600 * kSecondUs, 200, 0);  // of the container before it
  for (std::int64_t before_s : {50, 40, 30, 20, 10}) {
    add_sample(samples, kKilledUs - before_s * kSecondUs, 41 + (50 - before_s) * 4, 0);
  }
  kill["grew_from_at_us"] = number(kKilledUs - 50 * kSecondUs);
  about["first_seen_at_us"] = number(kKilledUs - 50 * kSecondUs);
  EXPECT_EQ(last_tile(), "at least 50 s");
  EXPECT_EQ(texts(page().all("small"))[4], "41.0 MiB to 250.0 MiB; it grew already at the first sample");
  about["first_seen_at_us"] = number(kKilledUs - 700 * kSecondUs);
  EXPECT_EQ(last_tile(), "50 s") << "it has a sample from before";
  about["first_seen_at_us"] = number(kKilledUs - 50 * kSecondUs);
  add_sample(samples, kKilledUs - 48 * kSecondUs, 41, 0);
  std::ranges::sort(samples.rows, {}, [](const auto& row) { return std::get<std::int64_t>(row[0]); });
  EXPECT_EQ(last_tile(), "50 s") << "it stood still at first";
}

TEST_F(IncidentPageTest, DrawsTheWindowAndItsEndWithTheKernelsNumbersAtTheKill) {
  const Html html = page();
  ASSERT_EQ(charts(html).size(), 2u);
  EXPECT_EQ(charts(html)[0],
            "Chart, 2026-11-23T02:42:10Z to 2026-11-23T03:17:00Z; usage up to 256.0 MiB; reclaimable cache up "
            "to 20.0 MiB; anonymous up to 250.0 MiB; limit up to 256.0 MiB; 1 OOM kill");
  EXPECT_TRUE(charts(html)[1].starts_with("Chart, 2026-11-23T03:11:")) << charts(html)[1];
  EXPECT_TRUE(is_pointed_at(html, {"\nusage 256.0 MiB", "03:12:00Z OOM kill: python3"}));
  EXPECT_EQ(sections(html)[0], "Memory up to the kill");
  EXPECT_TRUE(sections(html)[1].starts_with("The last ")) << sections(html)[1];
}

TEST_F(IncidentPageTest, HasOneChartWhereASecondWouldShowNoMore) {
  samples.rows.clear();
  for (std::int64_t before_s : {1790, 900, 600, 300}) add_sample(samples, kKilledUs - before_s * kSecondUs, 41, 20);
  EXPECT_EQ(charts(page()).size(), 1u) << "too few samples";
  samples.rows.clear();
  for (std::int64_t before_s = 12; before_s > 0; --before_s)
    add_sample(samples, kKilledUs - before_s * kSecondUs, 41, 20);
  about["history_ends_at_us"] = number(kKilledUs);
  EXPECT_EQ(charts(Html(render_incident(incident_of(made_tables(), kSinceUs, kKilledUs + 1), Format::html, {}))).size(),
            1u)
      << "the same time";
}

TEST_F(IncidentPageTest, OneSampleIsASentenceAndNoChart) {
  samples.rows.clear();
  add_sample(samples, kKilledUs - kSecondUs / 2, 41, 20);
  const Html html = page();
  EXPECT_TRUE(charts(html).empty());
  EXPECT_EQ(sections(html)[0], "Memory up to the kill");
  EXPECT_EQ(std::ranges::count(texts(html.all("p")), one_sample(made())), 1);
  kill["grew_from_at_us"] = core::Cell();
  EXPECT_EQ(tiles(page())[3], "not known") << "whether it grew";
  for (const Format format : {Format::text, Format::markdown}) {
    const std::string shown = render_incident(made(), format, {});
    EXPECT_NE(shown.find("\n\nThere is one sample of it: too little for a chart.\n\n"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("usage, limit"), std::string::npos) << shown;
  }
  add_sample(samples, kKilledUs - kSecondUs / 4, 41, 20);
  EXPECT_EQ(one_sample(made()), "");
  EXPECT_EQ(charts(page()).size(), 1u);
}

TEST_F(IncidentPageTest, OfAShortLifeTheChartEndsSoonAfterTheKill) {
  samples.rows.clear();
  for (std::int64_t before_s = 20; before_s > -200; --before_s)
    add_sample(samples, kKilledUs - before_s * kSecondUs, 41, 20);
  EXPECT_TRUE(charts(page())[0].starts_with("Chart, 2026-11-23T03:11:40Z to 2026-11-23T03:12:10Z;"))
      << charts(page())[0];
}

TEST_F(IncidentPageTest, MarksReclaimsLimitsGapsAndEarlierKills) {
  add_row(reclaims, {{"path", text("/kubepods/pod1/c1")},
                     {"started_at_us", number(kKilledUs - 600 * kSecondUs)},
                     {"outcome", text("done")},
                     {"freed_bytes", number(9 * kMiB)}});
  add_row(limit_changes, {{"path", text("/kubepods/pod1/c1")},
                          {"changed_at_us", number(kKilledUs - 300 * kSecondUs)},
                          {"limit_before_bytes", number(512 * kMiB)},
                          {"limit_bytes", number(256 * kMiB)}});
  add_row(gaps, {{"from_at_us", number(kKilledUs - 1500 * kSecondUs)},
                 {"to_at_us", number(kKilledUs - 1000 * kSecondUs)},
                 {"missing_us", number(490 * kSecondUs)},
                 {"why", text("the service was stopped")}});
  add_row(earlier, {{"id", number(5)}, {"killed_at_us", number(kKilledUs - 1200 * kSecondUs)}});
  const Html html = page();
  EXPECT_TRUE(charts(html)[0].ends_with("; 2 OOM kills; 1 limit change; 1 reclaim")) << charts(html)[0];
  for (const char* const part :
       {" freed 9.0 MiB", " limit now 256.0 MiB", "\nno scan: the service was stopped", " earlier kill 5"}) {
    EXPECT_TRUE(is_pointed_at(html, {part})) << part;
  }
}

TEST_F(IncidentPageTest, DrawsTmpfsWhereThereIsAny) {
  EXPECT_EQ(charts(page())[0].find("tmpfs"), std::string::npos);
  kill["shmem_bytes"] = number(200 * kMiB);
  EXPECT_NE(charts(page())[0].find("; tmpfs and shared up to 200.0 MiB"), std::string::npos);
}

TEST_F(IncidentPageTest, OfEachCauseHasItsSentence) {
  for (const std::string cause :
       {"anon_growth", "shmem", "kernel_memory", "cache", "limit_too_small", "ancestor_limit", "node", "", "later"}) {
    kill["cause"] = cause;
    EXPECT_EQ(texts(page().of_class("lead"))[0], why(made())) << cause;
  }
}

TEST_F(IncidentPageTest, TellsWhoseLimitItWas) {
  const auto limit = [&] {
    const Html html = page();
    return tiles(html)[0] + ": " + texts(html.all("small"))[0];
  };
  EXPECT_EQ(limit(), "256.0 MiB: its own");
  kill["limit_path"] = text("/kubepods/pod1/c1/worker");
  EXPECT_EQ(limit(), "256.0 MiB: of a cgroup below it");
  kill["limit_path"] = text("/kubepods/pod1");
  kill["cause"] = text("ancestor_limit");
  EXPECT_EQ(limit(), "256.0 MiB: of a cgroup above it");
  EXPECT_EQ(texts(page().all("small"))[1], "100 % of the limit, with all that share it");
  EXPECT_FALSE(is_pointed_at(page(), {"usage 256.0 MiB"})) << "that is another's";
  kill["cause"] = text("node");
  EXPECT_EQ(limit(), "none: 8.0 GiB, the node's memory, ran out");
}

TEST_F(IncidentPageTest, ByTheCounterAloneSaysSo) {
  by_counter_alone();
  const Html html = page();
  EXPECT_EQ(texts(html.of_class("remark"))[0], "Killed between 2026-11-23T03:11:59.123Z and 2026-11-23T03:12:00.123Z");
  EXPECT_EQ(texts(html.all("small"))[0], "which one was hit is not known");
  EXPECT_EQ(texts(html.all("small"))[1], "85 % of the limit, 1 s before");
  EXPECT_EQ(tiles(html)[3], "42.0 MiB/s");
}

TEST_F(IncidentPageTest, EarlierKillsRaiseAnAlarm) {
  about["earlier_kills"] = number(12);
  about["earlier_kills_in_7_days"] = number(9);
  about["later_kills"] = number(2);
  add_row(earlier, {{"id", number(5)}, {"killed_at_us", number(kKilledUs - 7200 * kSecondUs)}});
  const Html html = page();
  EXPECT_EQ(html.of_class("alarm").size(), 1u);
  EXPECT_EQ(tiles(html).back(), "9");
  EXPECT_EQ(std::ranges::count(texts(html.all("small")), "12 in all, 2 since"), 1);
  EXPECT_EQ(std::ranges::count(sections(html), "Earlier kills of the same workload"), 1);
}

TEST_F(IncidentPageTest, EveryEarlierKillIsMarkedAndTheTableSaysHowManyMoreThereAre) {
  for (int i = 1; i <= 13; ++i)
    add_row(earlier, {{"id", number(i)}, {"killed_at_us", number(kKilledUs - i * 100 * kSecondUs)}});
  const Html html = page();
  EXPECT_TRUE(charts(html)[0].ends_with("; 14 OOM kills")) << charts(html)[0];
  EXPECT_EQ(std::ranges::count(texts(html.all("p")), "and 3 more before these"), 1);
}

TEST_F(IncidentPageTest, WhereNothingIsKnownIsStillAPage) {
  kill = {{"oom_kill_id", number(7)}, {"killed_at_us", number(kKilledUs)}, {"source", text("counter")}};
  about = {};
  samples.rows.clear();
  const Html html = page();
  EXPECT_EQ(texts(html.all("h1"))[0], "OOM kill 7: a process whose name is not known in an unknown cgroup");
  EXPECT_EQ(tiles(html), (std::vector<std::string>{"not known", "not known", "not known", "not known", "0"}));
  EXPECT_TRUE(charts(html).empty());
  EXPECT_EQ(sections(html).front(), "What else is known");
}

TEST_F(IncidentPageTest, EveryColumnMayBeNull) {
  for (const std::string cause : {"anon_growth", "cache", "limit_too_small", "ancestor_limit", "node", ""}) {
    for (const auto& [column, value] : leak()) {
      kill = leak();
      kill["cause"] = cause;
      kill[column] = Cell{};
      EXPECT_EQ(page().all("h1").size(), 1u) << cause << " " << column;
    }
  }
}

TEST_F(IncidentPageTest, OfHostileNamesIsWellFormed) {
  for (const auto& [label, name] : test::hostile_texts()) {
    for (const char* const column :
         {"victim_comm", "namespace", "pod", "container", "path", "victim_path", "limit_path", "runtime"}) {
      kill[column] = name;
    }
    kill["cause"] = text("ancestor_limit");
    about["node"] = name;
    for (Table* const table : {&reclaims, &neighbours, &sharers, &gaps, &earlier}) table->rows.clear();
    add_row(reclaims, {{"path", name}, {"started_at_us", number(kKilledUs)}, {"outcome", name}, {"verdict", name}});
    add_row(neighbours, {{"path", name + "x"}, {"cgroup", name}, {"grown_bytes", number(9 * kMiB)}});
    add_row(sharers, {{"cgroup", name}, {"usage_bytes", number(1)}, {"cgroups_below", number(1)}});
    add_row(gaps, {{"from_at_us", number(kSinceUs)}, {"to_at_us", number(kKilledUs)}, {"why", name}});
    add_row(earlier, {{"id", number(5)}, {"killed_at_us", number(kKilledUs)}, {"victim", name}, {"cause", name}});
    const std::string text = render_incident(made(), Format::html, {});
    EXPECT_TRUE(base::is_valid_utf8(text)) << label;
    EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos) << label;
    EXPECT_EQ(page().all("h1").size(), 1u) << label;
  }
}

TEST_F(IncidentPageTest, OfAHalfHourSampledEverySecondIsSmall) {
  samples.rows.clear();
  for (std::int64_t before_s = 1800; before_s > -300; --before_s) {
    const std::int64_t noise = before_s * 7919 % 150 + 150;
    add_sample(samples, kKilledUs - before_s * kSecondUs, noise, noise * 31 % 60, noise * 17 % 90);
  }
  for (int i = 0; i < 100; ++i) {
    add_row(reclaims, {{"path", text("/kubepods/pod1/c1")},
                       {"started_at_us", number(kKilledUs - i * 18 * kSecondUs)},
                       {"outcome", text("done")},
                       {"freed_bytes", number(kMiB)}});
  }
  EXPECT_EQ(charts(page()).size(), 2u);
  EXPECT_LT(render_incident(made(), Format::html, {}).size(), 300u * 1024);
}

}  // namespace
}  // namespace cgmm::report
