// SPDX-License-Identifier: Apache-2.0
#include "report/summary.hpp"

#include <gtest/gtest.h>

#include <map>

namespace cgmm::report {
namespace {

constexpr std::int64_t kDayUs = std::int64_t{24} * 3600 * 1'000'000;
constexpr std::int64_t kUntilUs = std::int64_t{1'795'403'520} * 1'000'000;  // 2026-11-23T03:12:00Z

core::Table row_of(const std::map<std::string, core::Cell>& cells) {
  core::Table table{.title = "Summary", .columns = {}, .rows = {{}}};
  for (const auto& [column, cell] : cells) {
    table.columns.push_back(column);
    table.rows[0].push_back(cell);
  }
  return table;
}

core::Cell integer(std::int64_t value) {
  return value;
}

std::string last_days(std::int64_t days, const std::map<std::string, core::Cell>& cells) {
  return summary_sentence(row_of(cells), kUntilUs - days * kDayUs, kUntilUs);
}

TEST(SummarySentence, TellsTheWeek) {
  EXPECT_EQ(last_days(7, {{"scans", integer(60'433)},
                          {"covered_pct", 99.93},
                          {"cgroups", integer(214)},
                          {"reclaims", integer(12)},
                          {"freed_bytes", integer(3'650'722'202)},
                          {"cgroups_relieved", integer(4)},
                          {"failed_reclaims", integer(1)},
                          {"oom_kills", integer(0)}}),
            "In the last 7 days 60 433 scans covered 99.9 % of the time and saw 214 cgroups. 12 reclaims "
            "freed 3.4 GiB in "
            "4 cgroups; 1 failed. No OOM kill was seen.");
}

TEST(SummarySentence, CountsInTheSingular) {
  EXPECT_EQ(last_days(1, {{"scans", integer(1)},
                          {"covered_pct", integer(50)},
                          {"gaps", integer(1)},
                          {"cgroups", integer(1)},
                          {"reclaims", integer(1)},
                          {"freed_bytes", integer(1024)},
                          {"cgroups_relieved", integer(1)},
                          {"oom_kills", integer(1)}}),
            "In the last day 1 scan covered 50.0 % of the time (1 gap) and saw 1 cgroup. 1 reclaim freed 1.0 "
            "KiB in "
            "1 cgroup. 1 OOM kill was seen.");
}

TEST(SummarySentence, SaysPlainlyThatThereWasNothing) {
  EXPECT_EQ(last_days(7, {}), "In the last 7 days, there was no scan.");
  EXPECT_EQ(summary_sentence({}, kUntilUs - kDayUs, kUntilUs), "In the last day, there was no scan.");
  EXPECT_EQ(last_days(7, {{"scans", integer(2)}, {"covered_pct", 100.0}}),
            "In the last 7 days 2 scans covered 100 % of the time and saw no cgroup. No reclaim was needed. "
            "No OOM kill was seen.");
}

TEST(SummarySentence, DoesNotCallADryRunFreed) {
  const std::string sentence = last_days(
      7,
      {{"scans", integer(2)}, {"covered_pct", 100.0}, {"dry_runs", integer(3)}, {"oom_kills", integer(2)}});
  EXPECT_TRUE(sentence.ends_with("A dry run would have made 3 reclaims. 2 OOM kills were seen.")) << sentence;
}

TEST(SummarySentence, TellsFailuresAndFutility) {
  const auto about = [](std::int64_t reclaims, std::int64_t failed) {
    return last_days(
        7, {{"scans", integer(1)}, {"reclaims", integer(reclaims)}, {"failed_reclaims", integer(failed)}});
  };
  EXPECT_NE(about(1, 1).find(" The only reclaim failed. "), std::string::npos);
  EXPECT_NE(about(3, 3).find(" All 3 reclaims failed. "), std::string::npos);
  EXPECT_NE(about(3, 0).find(" 3 reclaims freed nothing. "), std::string::npos);
}

TEST(SummarySentence, NamesTheTime) {
  const core::Table none = row_of({});
  EXPECT_EQ(summary_sentence(none, kUntilUs - kDayUs, kUntilUs, false),
            "In the day before 2026-11-23T03:12:00Z, there was no scan.");
  EXPECT_EQ(summary_sentence(none, kUntilUs - kDayUs * 3 / 2, kUntilUs),
            "In the last 36 hours, there was no scan.");
  EXPECT_EQ(summary_sentence(none, kUntilUs - 5'400'000'000, kUntilUs),
            "In the last 90 minutes, there was no scan.");
}

TEST(SummarySentence, DoesNotClaimAWeekForAHistoryOfADay) {
  const std::string sentence = last_days(7, {{"history_begins_at_us", integer(kUntilUs - kDayUs)},
                                             {"scans", integer(10'000)},
                                             {"covered_pct", 100.0}});
  EXPECT_TRUE(
      sentence.starts_with("Since the history begins at 2026-11-22T03:12:00Z, 10 000 scans covered 100 % "))
      << sentence;
}

}  // namespace
}  // namespace cgmm::report
