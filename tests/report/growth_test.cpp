// SPDX-License-Identifier: Apache-2.0
// Which growth is a trend: workloads of known shapes in half a day with a scan a minute, and windows that end at any
// moment.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "report/catalog.hpp"
#include "report/format/row.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kHourUs = 60 * kMinuteUs;
constexpr std::int64_t kBeginUs = 490'000 * kHourUs;
constexpr int kMinutes = 12 * 60;

/// Usage in KiB at a minute. Below 0: it has no sample.
using Shape = std::function<std::int64_t(int)>;

/// Grows for so many minutes, and drops at once.
Shape saw_tooth(int period) {
  return [=](int minute) { return 100'000 + 50'000 * (minute % period) / period; };
}

class Growth : public testing::Test {
 protected:
  void add(const std::map<std::string, Shape>& shapes) {
    int id = 0;
    history.exec("BEGIN");
    for (int minute = 0; minute < kMinutes; ++minute) history.add_scan(kBeginUs + minute * kMinuteUs);
    for (const auto& [name, usage_kib] : shapes) {
      history.add_cgroup(++id, "/" + name, name, std::int64_t{1} << 40);
      for (int minute = 0; minute < kMinutes; ++minute) {
        if (usage_kib(minute) >= 0) history.add_sample(kBeginUs + minute * kMinuteUs, id, usage_kib(minute));
      }
    }
    history.exec("COMMIT");
  }
  /// By workload, of a window of so many minutes.
  std::map<std::string, std::string> changes(int since_minute, int until_minute) {
    const core::Table table = history.run(built_in("growth").sql, {{"since_us", kBeginUs + since_minute * kMinuteUs},
                                                                   {"until_us", kBeginUs + until_minute * kMinuteUs},
                                                                   {"cgroup_glob", std::string("*")}});
    std::map<std::string, std::string> found;
    for (const Row row : rows_of(table)) found[row.text("workload")] = row.text("change");
    return found;
  }

  test::MadeHistory history;
};

TEST_F(Growth, OfASawToothIsNoTrendWhateverItsPhaseIs) {
  std::map<std::string, Shape> shapes;
  for (const int period : {15, 20, 37, 60, 97}) shapes["saw" + std::to_string(period)] = saw_tooth(period);
  add(shapes);
  for (const int since : {0, 7, 23}) {
    for (const int until : {kMinutes, kMinutes - 13, kMinutes - 29, kMinutes - 50}) {
      for (const auto& [workload, change] : changes(since, until))
        EXPECT_TRUE(change == "no trend" || change == "same")
            << workload << " " << since << " " << until << ": " << change;
    }
  }
}

TEST_F(Growth, OfWhatGrowsForGoodIsOne) {
  add({
      {"leak", [](int minute) { return 100'000 + 100 * minute; }},
      {"leak_in_teeth", [](int minute) { return 100'000 + 100 * minute + 20'000 * (minute % 45) / 45; }},
      {"at_once", [](int minute) { return minute < 10 ? 100'000 : 150'000; }},
      {"in_the_middle", [](int minute) { return minute < kMinutes / 2 ? 100'000 : 150'000 + minute % 7; }},
      {"at_the_end", [](int minute) { return minute < kMinutes - 20 ? 100'000 : 150'000; }},
      {"with_a_spike", [](int minute) { return 100'000 + 50 * minute + (minute / 10 == 20 ? 500'000 : 0); }},
  });
  for (const int until : {kMinutes, kMinutes - 5}) {
    for (const auto& [workload, change] : changes(0, until)) EXPECT_EQ(change, "grew") << workload << " " << until;
  }
}

TEST_F(Growth, OfAveragesIsATrendThoughTheHoursGoUpAndDown) {
  add({{"leak", [](int minute) { return 100'000 + 10 * minute + (minute % 2 == 0 ? 30'000 : 0); }},
       {"flat", [](int minute) { return 100'000 + (minute % 2 == 0 ? 30'000 : 0); }}});
  history.roll_up(kBeginUs + kMinutes * kMinuteUs);
  history.exec("DELETE FROM sample WHERE scan_id NOT BETWEEN " + std::to_string(kBeginUs + 3 * kHourUs) + " AND " +
               std::to_string(kBeginUs + 5 * kHourUs));
  EXPECT_EQ(changes(0, kMinutes), (std::map<std::string, std::string>{{"leak", "grew"}, {"flat", "same"}}));
}

TEST_F(Growth, OfASawToothWithoutItsSamplesIsNoTrend) {
  add({{"leak", [](int minute) { return 200'000 - 100 * minute; }}, {"saw", saw_tooth(97)}});
  history.roll_up(kBeginUs + kMinutes * kMinuteUs);
  history.exec("DELETE FROM sample WHERE scan_id < " + std::to_string(kBeginUs + 6 * kHourUs));
  const std::map<std::string, std::string> expected{{"leak", "shrank"}, {"saw", "no trend"}};
  for (const int until : {kMinutes, kMinutes - 29}) EXPECT_EQ(changes(0, until), expected);
  history.exec("DELETE FROM sample");
  EXPECT_EQ(changes(0, kMinutes), expected);
}

TEST_F(Growth, BelowAMegabyteOrOnePercentIsNone) {
  const auto by = [](std::int64_t from_kib, std::int64_t kib) {
    return [=](int minute) { return minute < kMinutes / 2 ? from_kib : from_kib + kib; };
  };
  add({{"little", by(300, -16)},
       {"almost_a_megabyte", by(2000, 1023)},
       {"a_megabyte", by(2000, -1024)},
       {"almost_one_percent", by(200'000, -1999)},
       {"one_percent", by(200'000, 2000)}});
  EXPECT_EQ(changes(0, kMinutes), (std::map<std::string, std::string>{{"little", "same"},
                                                                      {"almost_a_megabyte", "same"},
                                                                      {"a_megabyte", "shrank"},
                                                                      {"almost_one_percent", "same"},
                                                                      {"one_percent", "grew"}}));
}

TEST_F(Growth, WhatRanInTheWindowIsThereThoughItWasAtNeitherEnd) {
  add({{"crashes", [](int minute) { return minute % 10 == 1 ? 1000 : -1; }},
       {"job", [](int minute) { return minute > 40 && minute < 90 ? 50'000 : -1; }},
       {"steady", [](int) { return 1000; }},
       {"over", [](int minute) { return minute < 10 ? 1000 : -1; }}});
  history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(kBeginUs + 41 * kMinuteUs) +
               ", vanished_at_us = " + std::to_string(kBeginUs + 90 * kMinuteUs) + " WHERE path = '/job'");
  history.exec("UPDATE cgroup SET vanished_at_us = " + std::to_string(kBeginUs + 10 * kMinuteUs) +
               " WHERE path = '/over'");
  const std::map<std::string, std::string> expected{
      {"crashes", "at neither end"}, {"job", "at neither end"}, {"steady", "same"}};
  EXPECT_EQ(changes(20, kMinutes), expected);
  history.roll_up(kBeginUs + kMinutes * kMinuteUs);
  history.exec("DELETE FROM sample");
  EXPECT_EQ(changes(0, kMinutes).at("crashes"), "at neither end") << "of hours";
  EXPECT_EQ(changes(120, kMinutes).contains("job"), false);
}

}  // namespace
}  // namespace cgmm::report
