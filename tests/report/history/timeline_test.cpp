// SPDX-License-Identifier: Apache-2.0
// One timeline for all restarts and replicas of a workload: its sums against sums that are made here.
#include "report/history/timeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "report/catalog.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/history/sections.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kHourUs = 3600 * kSecondUs;
constexpr std::int64_t kBeginUs = 500'000 * kHourUs;
constexpr std::int64_t kLimit = std::int64_t{100} << 20;

class HistoryTimeline : public testing::Test {
 protected:
  core::Parameters window() const {
    return {{"since_us", since_us}, {"until_us", until_us}, {"cgroup_glob", std::string("*")}};
  }
  core::Table table(const std::string& name) { return history.run(built_in(name).sql, window()); }
  std::vector<TimelinePoint> timeline(const std::string& workload, bool is_alone = false) {
    Timeline timeline(is_alone);
    core::Parameters parameters = window();
    parameters.emplace("workload", workload);
    const core::Table rows = history.run(built_in("history_timeline").sql, parameters);
    timeline.begin(rows.columns);
    for (const auto& row : rows.rows) timeline.add(row);
    return timeline.finish();
  }
  std::vector<Section> sections(bool each = false) { return sections_of(table("history_cgroups"), each); }
  void add_hour(std::int64_t at_us, int cgroup_id, int samples, std::int64_t average_kib, std::int64_t most_kib) {
    history.exec(
        "INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, usage_avg_kib, usage_max_kib) VALUES (" +
        std::to_string(at_us) + ", " + std::to_string(cgroup_id) + ", " + std::to_string(samples) + ", " +
        std::to_string(average_kib) + ", " + std::to_string(most_kib) + ")");
  }
  void began(int cgroup_id, std::int64_t at_us) {
    history.exec("UPDATE cgroup SET first_seen_by = 'made', first_seen_at_us = " + std::to_string(at_us) +
                 " WHERE cgroup_id = " + std::to_string(cgroup_id));
  }

  test::MadeHistory history;
  std::int64_t since_us = kBeginUs, until_us = kBeginUs + 24 * kHourUs;
};

TEST_F(HistoryTimeline, IsTheSumOfTheReplicasThatRunWhateverTheirRestarts) {
  std::mt19937 random(20261123);
  const auto below = [&](int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); };
  constexpr int kCgroups = 12, kScans = 300;
  for (int id = 1; id <= kCgroups; ++id) {
    history.add_cgroup(id, "/pod/" + std::to_string(id), id % 3 == 0 ? "shop/db/pg" : "shop/web/app", kLimit);
  }
  std::map<std::int64_t, double> expected;
  std::map<int, std::int64_t> latest;  // of web, since the last whole scan
  std::int64_t at_us = kBeginUs;
  for (int scan = 0; scan < kScans; ++scan) {
    const bool is_partial = scan > 0 && below(3) == 0;
    at_us += (is_partial ? 1 : 10) * kSecondUs;
    history.add_scan(at_us, is_partial);
    if (!is_partial) latest.clear();
    bool has_web = false;
    for (int id = 1; id <= kCgroups; ++id) {
      if (below(2) == 0 || (is_partial && !latest.contains(id))) continue;
      const std::int64_t usage_kib = below(100'000);
      history.add_sample(at_us, id, usage_kib);
      if (id % 3 == 0) continue;
      latest[id] = usage_kib;
      has_web = true;
    }
    if (!has_web) continue;
    for (const auto& [id, usage_kib] : latest) expected[at_us] += static_cast<double>(usage_kib) * 1024;
  }
  std::map<std::int64_t, double> found;
  for (const TimelinePoint& point : timeline("shop/web/app"))
    found[point.at_us] = point.of(Measure::usage).value_or(-1);
  EXPECT_EQ(found, expected);
}

/// What 60 days of a workload need must not be kept row by row.
TEST_F(HistoryTimeline, RowsComeHoursFirstAndThenScanByScan) {
  for (int id = 1; id <= 2; ++id) history.add_cgroup(id, "/pod/" + std::to_string(id), "shop/web/app", kLimit);
  for (const int hour : {4, 0, 2}) {
    add_hour(kBeginUs + hour * kHourUs, 2, 360, 10, 10);
    add_hour(kBeginUs + hour * kHourUs, 1, 360, 10, 10);
  }
  for (const int hour : {3, 1}) {
    for (int scan = 0; scan < 3; ++scan) {
      const std::int64_t at_us = kBeginUs + hour * kHourUs + scan * 10 * kSecondUs;
      history.add_scan(at_us);
      for (int id = 1; id <= 2; ++id) history.add_sample(at_us, id, 10);
    }
  }
  core::Parameters parameters = window();
  parameters.emplace("workload", "shop/web/app");
  const core::Table rows = history.run(built_in("history_timeline").sql, parameters);
  const std::size_t at = column_of(rows, "at_us"), share = column_of(rows, "share");
  std::int64_t last_us = 0;
  for (const auto& row : rows.rows) {
    const bool is_hour = std::holds_alternative<double>(row[share]);
    EXPECT_FALSE(is_hour && last_us > 0) << "an hour after a sample";
    if (is_hour) continue;
    EXPECT_GE(std::get<std::int64_t>(row[at]), last_us);
    last_us = std::get<std::int64_t>(row[at]);
  }
  const auto points = timeline("shop/web/app");
  EXPECT_EQ(points.size(), 9u);
  EXPECT_TRUE(std::ranges::is_sorted(points, {}, &TimelinePoint::at_us));
}

TEST_F(HistoryTimeline, OfAnHourWeighsEachCgroupByHowManyScansSawIt) {
  for (int id = 1; id <= 3; ++id) history.add_cgroup(id, "/pod/" + std::to_string(id), "shop/web/app", kLimit);
  history.add_cgroup(4, "/long", "", kLimit);
  add_hour(kBeginUs, 4, 360, 10, 10);
  add_hour(kBeginUs, 1, 360, 1000, 3000);
  add_hour(kBeginUs, 2, 90, 400, 500);   // a quarter of the hour, then restarted as 3
  add_hour(kBeginUs, 3, 180, 600, 700);  // half of it
  add_hour(kBeginUs + kHourUs, 4, 360, 10, 10);
  add_hour(kBeginUs + kHourUs, 1, 360, 1000, 3000);
  const auto points = timeline("shop/web/app");
  ASSERT_EQ(points.size(), 2u);
  EXPECT_TRUE(points[0].is_hour);
  EXPECT_EQ(points[0].replica_count, 1.75);
  EXPECT_EQ(points[0].of(Measure::usage), 1400.0 * 1024);
  EXPECT_EQ(points[0].of(Measure::usage_max), std::nullopt) << "the highest of each were not at the same time";
  EXPECT_EQ(points[1].of(Measure::usage_max), 3000.0 * 1024);
}

TEST_F(HistoryTimeline, APodAndTheContainersBelowItWithoutANameAreOneReplica) {
  history.add_scan(kBeginUs - kSecondUs);
  for (int id = 1; id <= 4; ++id) {
    history.add_cgroup(id, "/pod" + std::to_string((id + 1) / 2) + (id % 2 == 0 ? "/sandbox" : ""), "shop/web", kLimit);
    history.exec("UPDATE cgroup SET pod_uid = 'u" + std::to_string((id + 1) / 2) + "', kind = '" +
                 (id % 2 == 0 ? "container" : "pod") + "' WHERE cgroup_id = " + std::to_string(id));
    began(id, kBeginUs + id * kSecondUs);
  }
  history.add_scan(kBeginUs + 10 * kSecondUs);
  for (int id = 1; id <= 4; ++id) history.add_sample(kBeginUs + 10 * kSecondUs, id, 100 * id);
  history.add_scan(kBeginUs + 20 * kSecondUs);
  history.add_sample(kBeginUs + 20 * kSecondUs, 1, 100);
  history.add_sample(kBeginUs + 20 * kSecondUs, 2, 200);
  const auto points = timeline("shop/web");
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].replica_count, 2);
  EXPECT_EQ(points[0].of(Measure::usage), 1000.0 * 1024) << "a pod's samples are of its remainder";
  EXPECT_EQ(points[1].replica_count, 1);
  const auto all = sections();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(
      facts_of(all[0], points, {}),
      "1 replica in the last scan, at most 2 at once; limit 100.0 MiB each, and the charts are the sum of up to 2")
      << "pods do not restart";
  add_hour(kBeginUs + kHourUs, 1, 360, 1000, 1000);
  add_hour(kBeginUs + kHourUs, 2, 180, 1000, 1000);
  add_hour(kBeginUs + kHourUs, 4, 180, 1000, 1000);
  EXPECT_EQ(timeline("shop/web").back().replica_count, 1.5);
}

TEST_F(HistoryTimeline, DoesNotKnowASumOfWhatIsNotKnown) {
  history.add_cgroup(1, "/pod/1", "shop/web/app", kLimit);
  history.add_cgroup(2, "/pod/2", "shop/web/app", kLimit);
  history.add_scan(kBeginUs);
  history.add_sample(kBeginUs, 1, 100);
  history.add_sample(kBeginUs, 2, 200);
  history.exec("UPDATE sample SET anon_kib = NULL WHERE cgroup_id = 2");
  const auto points = timeline("shop/web/app");
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].of(Measure::usage), 300.0 * 1024);
  EXPECT_EQ(points[0].of(Measure::anon), std::nullopt);
  EXPECT_EQ(points[0].of(Measure::swap), std::nullopt);
}

TEST_F(HistoryTimeline, ARestartThatAScanFoundCountsIfAnotherOneHadEnded) {
  for (const int id : {1, 2}) {
    history.add_cgroup(id, "/web" + std::to_string(id), "shop/web/app", kLimit);
    began(id, kBeginUs + id * kSecondUs);
    history.add_scan(kBeginUs + (id - 1) * kSecondUs);
    history.add_sample(kBeginUs + (id - 1) * kSecondUs, id, 100);
  }
  history.exec("UPDATE cgroup SET first_seen_by = 'found'");
  EXPECT_TRUE(sections().at(0).restarts_at_us.empty());
  history.exec("UPDATE cgroup SET vanished_at_us = first_seen_at_us, vanished_by = 'stop' WHERE cgroup_id = 1");
  EXPECT_EQ(sections().at(0).restarts_at_us, std::vector<std::int64_t>{kBeginUs + 2 * kSecondUs});
}

TEST_F(HistoryTimeline, AnswersWithHoursWhereSamplesAreGoneAndWithNothingTwice) {
  history.add_cgroup(1, "/web", "", kLimit);
  for (int hour = 0; hour < 4; ++hour)
    add_hour(kBeginUs + hour * kHourUs, 1, hour < 2 ? 360 : 2, 100 + hour, 200 + hour);
  for (std::int64_t at_us = kBeginUs + 2 * kHourUs; at_us < kBeginUs + 4 * kHourUs; at_us += kHourUs / 2) {
    history.add_scan(at_us);
    history.add_sample(at_us, 1, 500);
  }
  const auto rows = [&] {
    const core::Table all = only(table("history"), "", {"at_us", "measured", "usage_bytes", "usage_max_bytes"});
    std::string text;
    for (const auto& row : all.rows) {
      text += std::to_string((std::get<std::int64_t>(row[0]) - kBeginUs) / (kHourUs / 2)) + " " +
              std::get<std::string>(row[1]) + " " + std::to_string(std::get<std::int64_t>(row[2]) / 1024) + " " +
              std::to_string(std::get<std::int64_t>(row[3]) / 1024) + "\n";
    }
    return text;
  };
  EXPECT_EQ(rows(),
            "0 hour 100 200\n2 hour 101 201\n4 sample 500 500\n5 sample 500 500\n6 sample 500 500\n7 sample 500 500\n");
  since_us = kBeginUs + kHourUs / 4;
  until_us = kBeginUs + kHourUs / 2;
  EXPECT_EQ(rows(), "0 hour 100 200\n") << "a window within an hour";
  since_us = kBeginUs + 2 * kHourUs + 1;
  until_us = since_us + kHourUs / 4;
  EXPECT_EQ(rows(), "") << "the hour has lost no sample";
  EXPECT_TRUE(sections().empty());
}

TEST_F(HistoryTimeline, OfAnHourThatHasSomeSamplesLeftHasTheHourWhereTheyAreGone) {
  history.add_cgroup(1, "/web", "", kLimit);
  history.add_cgroup(2, "/gone", "", kLimit);
  history.exec("UPDATE cgroup SET vanished_at_us = " + std::to_string(kBeginUs + 20 * 60 * kSecondUs) +
               " WHERE cgroup_id = 2");
  for (const int id : {1, 2}) add_hour(kBeginUs, id, 360, 100 * id, 200 * id);
  history.exec("UPDATE sample_hour SET pgfault = 7");
  const auto sample_each_10_s = [&](int from_minute, int to_minute) {
    for (int at_s = 60 * from_minute; at_s < 60 * to_minute; at_s += 10) {
      history.add_scan(kBeginUs + at_s * kSecondUs);
      history.add_sample(kBeginUs + at_s * kSecondUs, 1, 500);
    }
  };
  sample_each_10_s(15, 20);
  sample_each_10_s(24, 40);
  const auto hours = [&] {
    std::string text;
    const core::Table all = table("history");
    for (const Row row : rows_of(all)) {
      if (row.text("measured") == "sample") continue;
      text += row.text("path") + " from " + std::to_string((row.integer("at_us") - kBeginUs) / kSecondUs / 60) +
              " for " + std::to_string(row.integer("interval_us") / kSecondUs / 60) + ", usage " +
              std::to_string(row.integer("usage_bytes") / 1024) + "\n";
      EXPECT_EQ(row.known("pgfault"), std::nullopt) << "that of the hour has those of the samples";
    }
    return text;
  };
  EXPECT_EQ(hours(), "/gone from 0 for 15, usage 200\n/web from 0 for 15, usage 100\n/web from 40 for 20, usage 100\n")
      << "four minutes are no part";
  EXPECT_EQ(sections().size(), 2u);
  since_us = kBeginUs + 12 * 60 * kSecondUs;
  EXPECT_EQ(hours(), "/web from 40 for 20, usage 100\n") << "nor is a part that has three minutes of the window";
  since_us = kBeginUs + 50 * 60 * kSecondUs;
  until_us = since_us + 60 * kSecondUs;
  EXPECT_EQ(hours(), "/web from 40 for 20, usage 100\n") << "a window within it";
  EXPECT_EQ(sections().size(), 1u) << "the other was gone";
}

TEST_F(HistoryTimeline, TellsUpToWhenItIsOfHours) {
  const TimelinePoint hour{.at_us = kBeginUs, .interval_us = kHourUs, .is_hour = true, .bytes = {}};
  const TimelinePoint sample{.at_us = kBeginUs + 2 * kHourUs, .interval_us = 10 * kSecondUs, .bytes = {}};
  constexpr std::int64_t kTwoDays = 48 * kHourUs;
  EXPECT_EQ(remark_on_hours({sample}, kTwoDays), "");
  EXPECT_EQ(remark_on_hours({hour}, kTwoDays), "From hourly averages; samples are kept for 2d.");
  EXPECT_EQ(remark_on_hours({hour, sample}, kTwoDays),
            "Up to 2027-01-15T09:00:00Z from hourly averages; samples are kept for 2d.");
  EXPECT_EQ(remark_on_hours({hour, sample, hour}, kTwoDays), "In part from hourly averages; samples are kept for 2d.");
}

TEST_F(HistoryTimeline, OfHoursHasNoGapBetweenThemAndEndsWithTheLast) {
  const TimelinePoint hour{.at_us = kBeginUs, .interval_us = kHourUs, .is_hour = true, .bytes = {1.0}};
  TimelinePoint next = hour;
  next.at_us += kHourUs;
  const auto points = chart_points({hour, next}, Measure::usage, until_us);
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[2].at_us, kBeginUs + 2 * kHourUs);
  EXPECT_EQ(points[2].value, std::nullopt);
  next.at_us += 4 * kHourUs;
  EXPECT_EQ(chart_points({hour, next}, Measure::usage, until_us)[1].at_us, kBeginUs + kHourUs) << "a gap";
}

TEST_F(HistoryTimeline, ACrashLoopIsOneSectionWithItsLastTenRestarts) {
  constexpr int kRestarts = 298;
  history.add_scan(kBeginUs);
  history.add_cgroup(1000, "/pod/first", "shop/web/app", kLimit);
  history.add_sample(kBeginUs, 1000, 10);
  history.add_cgroup(1001, "/pod/other", "other/web/app", kLimit);
  history.add_sample(kBeginUs, 1001, 10);
  for (int i = 1; i <= kRestarts; ++i) {
    const std::int64_t at_us = kBeginUs + i * 60 * kSecondUs;
    // By name and number they are in another order than in time.
    const int id = kRestarts + 1 - i;
    history.add_cgroup(id, "/pod/" + std::to_string(i * 7919 % 1000) + "-" + std::to_string(i), "shop/web/app", kLimit);
    began(id, at_us);
    history.add_scan(at_us);
    history.add_sample(at_us, id, 50);
    history.add_kill(id, at_us + kSecondUs);
  }
  const auto all = sections();
  ASSERT_EQ(all.size(), 2u) << "namespaces are kept apart";
  EXPECT_EQ(all[0].heading, "other/web/app");
  const Section& web = all[1];
  EXPECT_EQ(web.heading, "shop/web/app");
  EXPECT_EQ(web.cgroup_count, static_cast<std::size_t>(kRestarts + 1));
  EXPECT_TRUE(std::ranges::is_sorted(web.restarts_at_us));
  const core::Table events = events_of(table("history_events"), web);
  const std::string facts = facts_of(web, timeline("shop/web/app"), events);
  EXPECT_EQ(facts,
            "1 replica in the last scan; limit 100.0 MiB each; 298 restarts, newest "
            "first: 2027-01-15T12:58:00Z, 12:57:00Z, 12:56:00Z, 12:55:00Z, 12:54:00Z, 12:53:00Z, 12:52:00Z, 12:51:00Z, "
            "12:50:00Z, 12:49:00Z and 288 more; 298 OOM kills");
  const core::Table shown = events_table(events, web);
  EXPECT_EQ(shown.rows.size(), 12u);
  EXPECT_EQ(shown.title,
            "Kills and reclaims, the last 12 of 298 (`report oom_kills` and `report all_reclaims` have all)");
  EXPECT_EQ(marks_of(events, web).size(), 2u * kRestarts);
  EXPECT_EQ(sections(/*each=*/true).size(), static_cast<std::size_t>(kRestarts + 2));
}

TEST_F(HistoryTimeline, ACgroupWithoutAWorkloadStandsAloneAndSaysWhenItBegan) {
  history.add_scan(kBeginUs);
  for (int id = 1; id <= 2; ++id) {
    history.add_cgroup(id, "/docker/" + std::to_string(id), "", kLimit * id);
    began(id, kBeginUs + id * kSecondUs);
  }
  history.add_scan(kBeginUs + 10 * kSecondUs);
  for (int id = 1; id <= 2; ++id) history.add_sample(kBeginUs + 10 * kSecondUs, id, 50);
  const auto all = sections();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_FALSE(all[0].is_workload());
  EXPECT_EQ(facts_of(all[0], {}, {}), "began 2027-01-15T08:00:01Z; limit 100.0 MiB");
  EXPECT_EQ(facts_of(all[1], {}, {}), "began 2027-01-15T08:00:02Z; limit 200.0 MiB");
}

}  // namespace
}  // namespace cgmm::report
