// SPDX-License-Identifier: Apache-2.0
#include "report/sorted_pages.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "report/catalog.hpp"
#include "support/html.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

TEST(SortedBy, NumbersFromTheLargestTextsFromTheFirstAndNothingAtTheEnd) {
  const core::Table table{.title = "",
                          .columns = {"name", "size"},
                          .rows = {{"b", {}}, {"c", std::int64_t{1}}, {{}, 2.5}, {"a", std::int64_t{2}}}};
  const auto order = [&](const char* column, std::size_t shown) {
    std::vector<core::Cell> cells;
    for (const auto& row : sorted_by(table, column).rows) cells.push_back(row[shown]);
    return cells;
  };
  EXPECT_EQ(order("size", 1), (std::vector<core::Cell>{2.5, std::int64_t{2}, std::int64_t{1}, {}}));
  EXPECT_EQ(order("name", 0), (std::vector<core::Cell>{"a", "b", "c", {}}));
  EXPECT_THROW(sorted_by(table, "nope"), std::runtime_error);
}

TEST(NowPage, KeepsWhatWasAskedInItsLinksAndItsForm) {
  const core::Table now{
      .title = "",
      .columns = {"cgroup", "usage_bytes", "held_bytes", "reclaimable_cache_bytes", "anon_bytes", "limit_bytes",
                  "held_pct", "growth_bytes_per_second", "oom_kills", "psi_some_pct", "psi_full_pct", "refaulted_bytes",
                  "last_reclaim_at_us", "cooldown_until_at_us", "kind", "at_us", "measured"},
      .rows = {std::vector<core::Cell>(17)}};
  const core::Table status{.title = "", .columns = {"interval_us", "node", "version"}, .rows = {{{}, {}, {}}}};
  const auto page = [&](const AskedOf& asked) {
    return now_page({.now = now, .status = status, .why_none = "", .sort = "", .asked = asked});
  };
  const std::string all = page({.since = "2h", .until = "2026-11-23 03:12", .cgroup = "<a&\"b>", .workload = ""});
  EXPECT_NE(all.find("href=\"?sort=held_bytes&amp;since=2h&amp;until=2026-11-23%2003%3A12&amp;cgroup=%3Ca%26%22b%3E\""),
            std::string::npos)
      << all;
  EXPECT_NE(all.find("name=\"cgroup\" value=\"&lt;a&amp;&quot;b&gt;\"/>"), std::string::npos) << all;
  EXPECT_NE(all.find("<input type=\"hidden\" name=\"until\" value=\"2026-11-23 03:12\"/>"), std::string::npos) << all;
  EXPECT_NE(all.find("data-is-part"), std::string::npos) << "others have to be asked for";
  EXPECT_EQ(all.find("name=\"workload\""), std::string::npos);
  EXPECT_NO_THROW(test::Html{all});
  EXPECT_EQ(page({}).find("data-is-part"), std::string::npos);
  EXPECT_NE(page({}).find("href=\"?sort=held_bytes\""), std::string::npos);
}

TEST(Trend, IsTheLastScanOfEachPartOfTheWindowOrAnHour) {
  constexpr std::int64_t kHourUs = 3'600'000'000, kBeginUs = 490'000 * kHourUs;
  test::MadeHistory history;
  history.add_cgroup(1, "/a/1", "shop/web/app", 4 << 20);
  history.add_cgroup(2, "/a/2", "shop/web/app", 4 << 20);
  for (const std::int64_t minutes : {20 * 60 + 10, 20 * 60 + 50, 31 * 60}) {
    history.add_scan(kBeginUs + minutes * 60'000'000);
    history.add_sample(kBeginUs + minutes * 60'000'000, 1, minutes);
    history.add_sample(kBeginUs + minutes * 60'000'000, 2, 1000);
  }
  history.exec("INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, usage_avg_kib, usage_max_kib) VALUES (" +
               std::to_string(kBeginUs + 3 * kHourUs) + ", 1, 100, 500, 900), (" +
               std::to_string(kBeginUs + 3 * kHourUs) + ", 2, 50, 300, 300), (" +
               std::to_string(kBeginUs + 20 * kHourUs) + ", 1, 100, 7, 7)");
  const core::Table trend = history.run(
      built_in("history_trend").sql,
      {{"since_us", kBeginUs}, {"until_us", kBeginUs + 32 * kHourUs}, {"cgroup_glob", std::string("shop/*")}});
  const std::vector<std::vector<core::Cell>> expected{
      {std::int64_t{3}, "shop/web/app", std::int64_t{(500 + 150) * 1024}},
      {std::int64_t{20}, "shop/web/app", std::int64_t{(20 * 60 + 50 + 1000) * 1024}},
      {std::int64_t{31}, "shop/web/app", std::int64_t{(31 * 60 + 1000) * 1024}}};
  EXPECT_EQ(trend.rows, expected);

  const core::Table workloads{.title = "",
                              .columns = {"workload", "usage_bytes"},
                              .rows = {{"shop/web/app", std::int64_t{5}}, {"<b>", std::int64_t{9}}}};
  const std::string page = workloads_page({.workloads = workloads, .trend = trend, .status = {}, .title = "t"});
  std::string dots;
  for (int i = 0; i < 32; ++i) dots += i == 3 ? "\u2581" : i == 20 ? "\u2586" : i == 31 ? "\u2588" : "\u00b7";
  EXPECT_NE(page.find(dots), std::string::npos) << page;
  EXPECT_LT(page.find("&lt;b&gt;"), page.find("shop/web/app")) << "the largest is first";
  EXPECT_EQ(page.find("<b>"), std::string::npos);
}

TEST(NowPage, SaysHowOldTheScanIsAlsoWithoutTheScript) {
  core::Table now{
      .title = "",
      .columns = {"cgroup", "usage_bytes", "held_bytes", "reclaimable_cache_bytes", "anon_bytes", "limit_bytes",
                  "held_pct", "growth_bytes_per_second", "oom_kills", "psi_some_pct", "psi_full_pct", "refaulted_bytes",
                  "last_reclaim_at_us", "cooldown_until_at_us", "kind", "at_us", "measured"},
      .rows = {std::vector<core::Cell>(17)}};
  now.rows[0][0] = "/web";
  now.rows[0][15] = std::int64_t{100'000'000};
  const core::Table status{
      .title = "", .columns = {"node", "interval_us"}, .rows = {{"node-7", std::int64_t{1'000'000}}}};
  const auto page = [&](std::int64_t until_us) {
    return now_page({.now = now, .status = status, .why_none = "", .sort = "", .is_live = true, .until_us = until_us});
  };
  EXPECT_NE(page(102'900'000).find("<span id=\"age\">2 s ago</span>"), std::string::npos) << page(102'900'000);
  EXPECT_NE(page(160'000'000).find("60 s ago: is the service stopped?</span>"), std::string::npos) << page(160'000'000);
}

}  // namespace
}  // namespace cgmm::report
