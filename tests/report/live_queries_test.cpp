// SPDX-License-Identifier: Apache-2.0
// What `live` asks: where one can go from a point in time, what the strip marks, and earlier usage.
#include <gtest/gtest.h>

#include "report/catalog.hpp"
#include "report/format/row.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

using core::Table;

constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kHourUs = 60 * kMinuteUs;
constexpr std::int64_t kBeginUs = 490'000 * kHourUs;

/// A scan a minute for four hours. The hours are summed up; of the first two only the samples of ten minutes in the
/// second one are left, as they are around an OOM kill.
class LiveQueries : public testing::Test {
 protected:
  LiveQueries() {
    history.add_cgroup(1, "/web", "", 1 << 30);
    for (std::int64_t minute = 0; minute < 240; ++minute) {
      history.add_scan(at(minute));
      history.add_sample(at(minute), 1, 1000 + minute);
    }
    history.exec("UPDATE scan SET interval_us = 60000000");
    history.roll_up(at(240));
    history.exec("DELETE FROM sample WHERE scan_id < " + std::to_string(at(120)) + " AND NOT scan_id BETWEEN " +
                 std::to_string(at(80)) + " AND " + std::to_string(at(89)));
  }

  static std::int64_t at(std::int64_t minute) { return kBeginUs + minute * kMinuteUs; }
  /// Minutes since the begin; -1: there is nothing.
  static std::int64_t minute(const Table& table, const char* column) {
    const auto at_us = Row(table).known(column);
    return at_us ? (*at_us - kBeginUs) / kMinuteUs : -1;
  }
  Table steps(std::int64_t at_minute, std::int64_t kill_id = 0) {
    return history.run(built_in("live_steps").sql, {{"at_us", at(at_minute)}, {"kill_id", kill_id}});
  }
  std::int64_t before(std::int64_t at_minute) { return minute(steps(at_minute), "before_at_us"); }
  std::int64_t after(std::int64_t at_minute) { return minute(steps(at_minute), "after_at_us"); }

  test::MadeHistory history;
};

TEST_F(LiveQueries, StepFromSampleToSample) {
  EXPECT_EQ(after(130), 131);
  EXPECT_EQ(before(130), 129);
  EXPECT_EQ(after(238), 239);
  EXPECT_EQ(after(239), -1);
  EXPECT_EQ(before(1000), 239);
  EXPECT_EQ(after(179), 180) << "the end of an hour is none of its own where the samples are there";
  EXPECT_EQ(before(181), 180);
}

TEST_F(LiveQueries, StepFromHourToHourWhereSamplesAreGone) {
  EXPECT_EQ(before(121), 120);
  EXPECT_EQ(after(119), 120) << "a sample, and the end of an hour";
  EXPECT_EQ(before(120), 89) << "the hour that ends then is where one is";
  EXPECT_EQ(after(89), 120) << "the rest of the hour";
  EXPECT_EQ(before(89), 88);
  EXPECT_EQ(before(80), 60) << "the hour before";
  EXPECT_EQ(after(60), 80);
  EXPECT_EQ(before(60), -1);
  EXPECT_EQ(after(-10), 60);
  EXPECT_EQ(minute(steps(130), "oldest_at_us"), 0);
}

TEST_F(LiveQueries, TheOldestIsTheFirstSampleAlsoInAnHourThatIsSummedUp) {
  history.exec("DELETE FROM sample_hour WHERE hour_at_us < " + std::to_string(at(60)));
  EXPECT_EQ(minute(steps(130), "oldest_at_us"), 80);
}

TEST_F(LiveQueries, StepsPassPartialScans) {
  for (std::int64_t second = 1; second < 60; ++second) {
    history.add_scan(at(200) + second * 1'000'000, true);
    history.add_sample(at(200) + second * 1'000'000, 1, 5);
  }
  EXPECT_EQ(after(200), 201);
  EXPECT_EQ(before(201), 200);
}

TEST_F(LiveQueries, StepThroughAHistoryWhoseOldScansAreGoneToo) {
  history.exec("DELETE FROM scan WHERE scan_id < " + std::to_string(at(120)));
  history.exec("DELETE FROM sample WHERE scan_id < " + std::to_string(at(120)));
  EXPECT_EQ(before(120), 60);
  EXPECT_EQ(before(121), 120);
  EXPECT_EQ(after(-10), 60);
}

TEST_F(LiveQueries, KillsAndReclaimsBeforeAndAfter) {
  history.add_kill(1, at(50));
  history.add_kill(0, at(150));
  for (const std::string what : {"100, 'done'", "170, 'dry_run'"}) {
    history.exec(
        "INSERT INTO reclaim (cgroup_id, method, threshold_bytes, started_at_us, outcome) VALUES (1, 'x', 1, " +
        std::to_string(kBeginUs) + " + 60000000 * " + what + ")");
  }
  const Table there = steps(120);
  EXPECT_EQ(minute(there, "kill_before_at_us"), 50);
  EXPECT_EQ(Row(there).text("kill_before_path"), "/web");
  EXPECT_EQ(Row(there).integer("kill_before_id"), 1);
  EXPECT_EQ(minute(there, "kill_after_at_us"), 150);
  EXPECT_EQ(Row(there).text("kill_after_path"), "");
  EXPECT_EQ(minute(there, "reclaim_before_at_us"), 100);
  EXPECT_EQ(minute(there, "reclaim_after_at_us"), -1) << "a dry run is none";
  EXPECT_EQ(minute(steps(50), "kill_before_at_us"), -1) << "not the one where one is";
}

TEST_F(LiveQueries, OfKillsAtTheSameTimeEachIsGoneTo) {
  for (const std::int64_t minute : {50, 60, 60, 60, 70}) history.add_kill(1, at(minute));  // 1 to 5
  const auto to = [&](const char* where, std::int64_t from_minute, std::int64_t kill_id) {
    return Row(steps(from_minute, kill_id)).integer(std::string("kill_") + where + "_id");
  };
  EXPECT_EQ(to("after", 55, 0), 2);
  EXPECT_EQ(to("after", 60, 2), 3);
  EXPECT_EQ(to("after", 60, 4), 5);
  EXPECT_EQ(to("after", 60, 0), 5);
  EXPECT_EQ(to("before", 65, 0), 4);
  EXPECT_EQ(to("before", 60, 3), 2);
  EXPECT_EQ(to("before", 60, 2), 1);
  EXPECT_EQ(to("before", 60, 0), 1);
}

TEST_F(LiveQueries, AnEmptyHistoryLeadsNowhere) {
  test::MadeHistory empty;
  const Table table = empty.run(built_in("live_steps").sql, {{"at_us", kBeginUs}, {"kill_id", std::int64_t{0}}});
  for (const char* const column : {"before_at_us", "after_at_us", "kill_before_at_us"})
    EXPECT_EQ(Row(table).known(column), std::nullopt) << column;
}

TEST_F(LiveQueries, TheStripHasKillsReclaimsAndGaps) {
  history.exec("DELETE FROM scan WHERE scan_id > " + std::to_string(at(180)) + " AND scan_id < " +
               std::to_string(at(210)));
  history.exec("DELETE FROM sample_hour WHERE hour_at_us = " + std::to_string(at(180)));
  history.add_kill(1, at(60) + 1);
  history.add_kill(1, at(60) + 2);
  const Table strip = history.run(built_in("live_strip").sql, {{"since_us", at(0)}, {"until_us", at(240)}});
  std::int64_t kills = 0, gaps = 0, first_gap = 480, last_gap = 0;
  for (const Row row : rows_of(strip)) {
    kills += row.integer("kills");
    if (row.integer("kills") > 0) {
      EXPECT_EQ(row.integer("number"), 119) << "a slot is a microsecond longer than half a minute";
    }
    if (row.integer("is_gap") == 0) continue;
    ++gaps;
    first_gap = std::min(first_gap, row.integer("number"));
    last_gap = row.integer("number");
  }
  EXPECT_EQ(kills, 2);
  EXPECT_GE(first_gap, 360);
  EXPECT_LE(last_gap, 420);
  EXPECT_GE(gaps, 50);
}

TEST_F(LiveQueries, TheTrendIsOfSamplesOrOfHours) {
  const auto trend = [&](std::int64_t of_minute, std::int64_t is_hour) {
    const Table table = history.run(
        built_in("live_trend").sql,
        {{"points", "[" + std::to_string(at(of_minute)) + "]"}, {"is_hour", is_hour}, {"reach_us", 2 * kMinuteUs}});
    return table.rows.empty() ? -1 : Row(table).integer("usage_kib");
  };
  EXPECT_EQ(trend(130, 0), 1129);
  EXPECT_EQ(trend(243, 0), -1) << "too long before";
  EXPECT_EQ(trend(60, 0), -1);
  EXPECT_EQ(trend(60, 1), 1029);
}

}  // namespace
}  // namespace cgmm::report
