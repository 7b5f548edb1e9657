// SPDX-License-Identifier: Apache-2.0
// What the reports on OOM kills and the queries of `incident` answer. Limits are 1000 KiB unless said
// otherwise.
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <vector>

#include "report/catalog.hpp"
#include "report/format/row.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

using core::Table;

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kMinuteUs = 60 * kSecondUs;
constexpr std::int64_t kStartUs = 1000 * kMinuteUs;
constexpr std::int64_t kKiB = 1024;

std::int64_t minute(std::int64_t number) { return kStartUs + number * kMinuteUs; }

class KillReports : public testing::Test {
 protected:
  KillReports() {
    for (int id = 1; id <= 3; ++id) history.add_cgroup(id, "/c" + std::to_string(id), "", 1000 * kKiB);
  }

  Table run(const std::string& name, std::int64_t since_us = 0,
            std::int64_t until_us = std::numeric_limits<std::int64_t>::max(), const std::string& glob = "*") {
    return history.run(find_report({}, name).value().sql,
                       {{"since_us", since_us}, {"until_us", until_us}, {"cgroup_glob", glob}});
  }
  Table query(const std::string& name, std::int64_t id, std::int64_t since_us = 0) {
    return history.run(built_in(name).sql, {{"oom_kill_id", id},
                                            {"since_us", since_us},
                                            {"until_us", std::numeric_limits<std::int64_t>::max()},
                                            {"cgroup_glob", std::string("*")}});
  }
  /// A scan of all in which each of them has this usage.
  void scan(std::int64_t at_us, const std::vector<std::int64_t>& usage_kib) {
    history.add_scan(at_us);
    for (std::size_t i = 0; i < usage_kib.size(); ++i) {
      if (usage_kib[i] >= 0) history.add_sample(at_us, static_cast<int>(i) + 1, usage_kib[i]);
    }
  }

  test::MadeHistory history;
};

TEST_F(KillReports, ARowThatStandsForManyIsCountedAsManyEverywhere) {
  history.add_cgroup(4, "/noise/a", "noise/a", 1000 * kKiB);
  history.add_scan(minute(0));
  history.add_kill(4, minute(0));
  history.add_kill(4, minute(1));
  history.add_kill(0, minute(2));
  history.add_kill(1, minute(3));
  history.exec("UPDATE oom_kill SET kill_count = 5000, last_killed_at_us = " + std::to_string(minute(30)) +
               " WHERE oom_kill_id = 2");
  history.exec(
      "UPDATE oom_kill SET kill_count = 70, dropped_from = '/noise', last_killed_at_us = killed_at_us "
      "WHERE oom_kill_id = 3");
  EXPECT_EQ(Row(run("summary")).integer("oom_kills"), 5072);
  EXPECT_EQ(Row(run("summary", 0, minute(100), "/noise*")).integer("oom_kills"), 5071);
  EXPECT_EQ(Row(history.run(built_in("status").sql, {{"until_us", minute(100)}})).integer("oom_kill_count"), 5072);
  const Table by_cgroup = run("oom_by_cgroup");
  ASSERT_EQ(by_cgroup.rows.size(), 3u);
  EXPECT_EQ(Row(by_cgroup, 0).integer("oom_kills"), 5001);
  EXPECT_EQ(Row(by_cgroup, 0).integer("last_at_us"), minute(30));
  EXPECT_EQ(Row(by_cgroup, 1).integer("oom_kills"), 70);
  EXPECT_EQ(Row(by_cgroup, 1).text("cgroup"), "/noise");
  const Table by_workload = run("kills_by_workload");
  ASSERT_EQ(by_workload.rows.size(), 3u);
  EXPECT_EQ(Row(by_workload, 0).integer("kills"), 5001);
  EXPECT_EQ(Row(by_workload, 1).text("workload"), "/noise");
  EXPECT_EQ(Row(query("incident_facts", 1)).integer("later_kills"), 5000);
  EXPECT_EQ(Row(query("incident_list", 0), 2).integer("kills"), 5000);
  EXPECT_EQ(Row(query("incident_workloads", 0), 0).integer("kills"), 5001);
  EXPECT_EQ(Row(run("oom_kills"), 2).integer("kills"), 5000);
}

TEST_F(KillReports, AHistoryHasTheKillsOnRecordAlsoThoseThatNoCounterShowed) {
  history.add_cgroup(4, "/c1", "", 1000 * kKiB);  // made anew under the same path
  scan(minute(0), {900, 100});
  scan(minute(1), {990, 100});
  scan(minute(4), {-1, 100, -1, 500});
  history.add_kill(1, minute(1) + kSecondUs);  // its cgroup died with it: no later sample has a counter
  history.add_kill(4, minute(4));              // at the time of a sample
  history.add_kill(4, minute(5));              // after the last sample
  history.add_kill(2, minute(-1));             // before the first
  history.exec("UPDATE oom_kill SET kill_count = 5 WHERE oom_kill_id = 3");
  history.exec("UPDATE sample SET oom_kills = 0");
  const auto kills_of = [&](const std::string& path, std::int64_t since_us = 0) {
    std::vector<std::int64_t> kills;
    const Table table = run("history", since_us, minute(100), path);
    for (const Row row : rows_of(table)) kills.push_back(row.integer("oom_kills"));
    return kills;
  };
  EXPECT_EQ(kills_of("/c1"), (std::vector<std::int64_t>{0, 1, 6}));
  EXPECT_EQ(kills_of("/c2"), (std::vector<std::int64_t>{1, 0, 0}));
  EXPECT_EQ(kills_of("/c1", minute(1) + 1), (std::vector<std::int64_t>{7})) << "the window has all seven";
  EXPECT_EQ(kills_of("/c2", minute(0)), (std::vector<std::int64_t>{0, 0, 0})) << "before the window";
}

TEST_F(KillReports, NearMissesCountOnlyWhatCannotBeDropped) {
  history.add_scan(minute(0));
  history.add_sample(minute(0), 1, 949);            // below 95 %
  history.add_sample(minute(0), 2, 1000, 100);      // 100 of it can be dropped
  history.add_sample(minute(0), 3, 1000, 100, 90);  // tmpfs can't
  const Table table = run("near_misses");
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).text("path"), "/c3");
  EXPECT_EQ(Row(table).integer("peak_bytes"), 990 * kKiB);
  EXPECT_EQ(Row(table).cell("peak_pct"), core::Cell{99.0});
}

TEST_F(KillReports, NearMissesAsAMetricAreEpisodesOfTheWorkload) {
  history.exec(
      "UPDATE cgroup SET kind = 'container', namespace = 'shop', pod = 'web-' || cgroup_id, container = 'app', "
      "workload = 'shop/web/app' WHERE cgroup_id < 3");
  for (const std::int64_t at : {0, 1, 30}) {  // two episodes
    history.add_scan(minute(at));
    history.add_sample(minute(at), 1, 990);
    history.add_sample(minute(at), 2, at == 30 ? 980 : 100);
    history.add_sample(minute(at), 3, 990);  // it has no name
  }
  const Table table = query("metric_near_misses", 0);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(Row(table, 0).cell("workload"), core::Cell());
  EXPECT_EQ(Row(table, 0).integer("episodes"), 2);
  EXPECT_EQ(Row(table, 1).text("workload"), "shop/web/app");
  EXPECT_EQ(Row(table, 1).integer("episodes"), 3);
  history.exec("UPDATE sample SET usage_kib = 900, anon_kib = 900");
  EXPECT_EQ(query("metric_near_misses", 0).rows.size(), 0u);
}

TEST_F(KillReports, SlabThatCanBeDroppedIsNoNearMiss) {
  history.add_scan(minute(0));
  history.add_sample(minute(0), 1, 990);
  history.exec("UPDATE sample SET slab_reclaimable_kib = 780");
  EXPECT_EQ(run("near_misses").rows.size(), 0u);
  history.exec("UPDATE sample SET slab_reclaimable_kib = 10");
  EXPECT_EQ(Row(run("near_misses")).integer("peak_bytes"), 980 * kKiB);
}

TEST_F(KillReports, ANearMissOfAPodIsOfAllThatItHolds) {
  history.add_cgroup(4, "/pod", "", 1000 * kKiB);
  history.add_cgroup(5, "/pod/app", "", 1000 * kKiB);
  history.exec("UPDATE cgroup SET kind = 'pod' WHERE cgroup_id = 4");
  history.exec("UPDATE cgroup SET kind = 'container' WHERE cgroup_id = 5");
  scan(minute(0), {-1, -1, -1, 400, 540});
  EXPECT_EQ(run("near_misses").rows.size(), 0u);
  scan(minute(1), {-1, -1, -1, 400, 560});
  history.add_scan(minute(2), /*is_partial=*/true);
  history.add_sample(minute(2), 5, 590);  // without the pod's remainder the whole is not known
  const Table table = run("near_misses");
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).text("path"), "/pod");
  EXPECT_EQ(Row(table).integer("peak_bytes"), 960 * kKiB);
  EXPECT_EQ(Row(table).integer("samples"), 1);
  history.add_kill(5, minute(3), "ancestor_limit");
  history.exec("UPDATE oom_kill SET limit_path = '/pod'");
  EXPECT_EQ(run("near_misses").rows.size(), 0u) << "it was a hit";
}

TEST_F(KillReports, APeakBetweenTwoSamplesIsANearMiss) {
  scan(minute(0), {400});
  history.exec("UPDATE sample SET file_kib = 100, shmem_kib = 0");
  EXPECT_EQ(run("near_misses").rows.size(), 0u);
  history.exec("UPDATE sample SET peak_kib = 1000");
  EXPECT_EQ(run("near_misses").rows.size(), 0u) << "100 of it can be dropped";
  history.exec("UPDATE sample SET peak_kib = 1080");
  const Table table = run("near_misses");
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).text("how"), "peak between samples");
  EXPECT_EQ(Row(table).integer("peak_bytes"), 980 * kKiB);
}

TEST_F(KillReports, ACgroupThatWasStuckIsANearMissOnceAndItsPeakHasItsOwnLimitAndTime) {
  for (int i = 0; i < 4; ++i) scan(minute(i), {i < 2 ? 1000 : 500 + 500 * (i - 1)});
  const auto add = [&](int from, int to, std::int64_t usage_kib, std::int64_t limit_kib) {
    history.exec(
        "INSERT INTO stuck (cgroup_id, kind, began_at_us, last_seen_at_us, usage_bytes, limit_bytes) VALUES (1, "
        "'under_oom', " +
        std::to_string(minute(from)) + ", " + std::to_string(minute(to)) + ", " + std::to_string(usage_kib * kKiB) +
        ", " + std::to_string(limit_kib * kKiB) + ")");
  };
  add(2, 3, 1500, 1500);
  add(0, 1, 990, 1000);
  const Table near = run("near_misses");
  ASSERT_EQ(near.rows.size(), 1u);
  EXPECT_EQ(Row(near).integer("peak_bytes"), 1500 * kKiB);
  EXPECT_EQ(Row(near).integer("limit_bytes"), 1500 * kKiB);
  EXPECT_EQ(Row(near).integer("peak_at_us"), minute(3)) << "not when it began";
  EXPECT_EQ(Row(near).integer("episodes"), 2);
  EXPECT_EQ(Row(near).integer("near_us"), 2 * kMinuteUs);
}

TEST_F(KillReports, CgroupsThatWereStuckAreInTheListTheSummaryAndTheNearMisses) {
  scan(minute(0), {300, 960});
  history.exec(
      "INSERT INTO stuck (cgroup_id, kind, began_at_us, last_seen_at_us, ended_at_us, ended_by, usage_bytes, "
      "limit_bytes, high_events, psi_full_us) VALUES (1, 'memory_high', " +
      std::to_string(minute(0)) + ", " + std::to_string(minute(5)) + ", " + std::to_string(minute(6)) +
      ", 'over', 307200, 307200, 30000, 290000000), (3, 'under_oom', " + std::to_string(minute(7)) + ", " +
      std::to_string(minute(8)) + ", NULL, NULL, 1000, 1024, NULL, NULL)");
  history.add_kill(2, minute(20));
  const Table near = run("near_misses");
  ASSERT_EQ(near.rows.size(), 3u);
  EXPECT_EQ(Row(near, 0).text("how"), "throttled at memory.high");
  EXPECT_EQ(Row(near, 0).integer("limit_bytes"), 307200) << "its memory.high";
  EXPECT_EQ(Row(near, 1).text("how"), "out of memory, OOM killer disabled");
  EXPECT_EQ(Row(near, 2).text("how"), "sample");
  EXPECT_EQ(Row(near, 0).integer("near_us"), 5 * kMinuteUs) << "as `incident show` has it";
  const Table list = query("incident_list", 0);
  ASSERT_EQ(list.rows.size(), 3u);
  EXPECT_EQ(Row(list, 0).integer("id"), 1);
  EXPECT_EQ(Row(list, 1).text("id"), "s2");
  EXPECT_EQ(Row(list, 1).text("path"), "/c3");
  EXPECT_EQ(Row(list, 2).text("id"), "s1");
  EXPECT_EQ(Row(list, 2).text("cause"), "throttled at memory.high");
  const Table by_workload = run("stuck_by_workload"), incidents = query("incident_workloads", 0);
  ASSERT_EQ(by_workload.rows.size(), 2u);
  ASSERT_EQ(incidents.rows.size(), 3u);
  EXPECT_EQ(Row(incidents, 2).text("id"), "s1");
  for (const Row row : {Row(by_workload, 0), Row(incidents, 2)}) {
    EXPECT_EQ(row.integer("first_at_us"), minute(0)) << "when it began";
    EXPECT_EQ(row.integer("last_at_us"), minute(5)) << "when it was seen last";
  }
  EXPECT_EQ(Row(run("summary")).integer("stuck_throttled"), 1);
  EXPECT_EQ(Row(run("summary")).integer("stuck_under_oom"), 1);
  EXPECT_EQ(Row(run("summary", minute(6) + 1, minute(7))).integer("stuck_throttled"), 0);
  EXPECT_EQ(Row(run("summary", 0, minute(100), "/c3")).integer("stuck_throttled"), 0);
}

TEST_F(KillReports, NearMissesThatWereNoneBecauseItWasKilledAreLeftOut) {
  scan(minute(0), {960, 960, 960});
  scan(minute(10), {-1, 970, 960});
  history.add_kill(1, minute(4));
  history.add_kill(2, minute(14));
  history.add_kill(3, minute(16));
  const Table table = run("near_misses");
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(Row(table, 0).text("path"), "/c2");
  EXPECT_EQ(Row(table, 0).integer("samples"), 1) << "of the other it was killed 4 minutes later";
  EXPECT_EQ(Row(table, 1).integer("samples"), 2);
}

TEST_F(KillReports, WhatAKillLeftOfACgroupIsNoNearMiss) {
  history.add_kill(1, minute(4));
  scan(minute(5), {960});
  EXPECT_EQ(run("near_misses").rows.size(), 0u);
  scan(minute(20), {960});
  EXPECT_EQ(run("near_misses").rows.size(), 1u);
}

TEST_F(KillReports, NearMissesKnowTheLimitOfThenAndHowOften) {
  history.exec("INSERT INTO cgroup_limit VALUES (1, " + std::to_string(minute(5)) + ", 2048000, 2048000, NULL)");
  history.exec("INSERT INTO cgroup_limit VALUES (2, " + std::to_string(minute(5)) + ", 512000, 512000, NULL)");
  scan(minute(0), {960, 490});
  scan(minute(1), {980, 490});
  scan(minute(6), {980, 490});
  scan(minute(20), {980, 499});
  const Table table = run("near_misses");
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(Row(table, 0).text("path"), "/c2");
  EXPECT_EQ(Row(table, 0).integer("limit_bytes"), 500 * kKiB);
  EXPECT_EQ(Row(table, 0).integer("peak_at_us"), minute(20));
  EXPECT_EQ(Row(table, 0).integer("episodes"), 2);
  EXPECT_EQ(Row(table, 0).integer("samples"), 2);
  EXPECT_EQ(Row(table, 1).integer("peak_at_us"), minute(1));
  EXPECT_EQ(Row(table, 1).integer("episodes"), 1);
  EXPECT_EQ(Row(table, 1).integer("samples"), 2);
  EXPECT_EQ(run("near_misses", minute(2), minute(20)).rows.size(), 1u);
  EXPECT_EQ(run("near_misses", 0, minute(100), "/c1").rows.size(), 1u);
}

TEST_F(KillReports, ANearMissOfLessThanASecondIsNotRounded) {
  for (const std::int64_t length_us : {std::int64_t{999'000}, std::int64_t{40'000}, std::int64_t{2'999'600}}) {
    history.exec("DELETE FROM scan");
    history.exec("DELETE FROM sample");
    scan(minute(0), {960});
    scan(minute(0) + length_us, {960});
    EXPECT_EQ(Row(run("near_misses")).integer("near_us"), length_us == 2'999'600 ? 3'000'000 : length_us);
  }
}

TEST_F(KillReports, NearMissesOfOneEpisodeSayHowManySamplesAndHowLong) {
  for (int i = 0; i < 36; ++i) scan(minute(29) + i * 10 * kSecondUs, {960, i == 0 ? 960 : 100});  // over a half hour
  scan(minute(60), {960, 960});
  const Table table = run("near_misses");
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(Row(table, 0).text("path"), "/c1");
  EXPECT_EQ(Row(table, 0).integer("episodes"), 2);
  EXPECT_EQ(Row(table, 0).integer("samples"), 37);
  EXPECT_EQ(Row(table, 0).integer("near_us"), 350 * kSecondUs);
  EXPECT_EQ(Row(table, 1).integer("episodes"), 2);
  EXPECT_EQ(Row(table, 1).cell("near_us"), core::Cell{}) << "two single samples: not known";
  EXPECT_NE(find_report({}, "near_misses").value().title.find("episodes"), std::string::npos);
}

TEST_F(KillReports, GrowthIsFromTheFirstToTheLastSample) {
  scan(minute(0), {100, 500, -1});
  history.add_scan(minute(1), /*is_partial=*/true);
  history.add_sample(minute(1), 1, 900);
  scan(minute(2), {300, 400, 50});
  const Table table = run("biggest_growth");
  ASSERT_EQ(table.rows.size(), 1u) << "what shrank did not grow, and what has one sample neither";
  EXPECT_EQ(Row(table, 0).text("path"), "/c1");
  EXPECT_EQ(Row(table, 0).integer("grown_bytes"), 200 * kKiB);
  EXPECT_EQ(Row(table, 0).integer("before_at_us"), minute(0));
  EXPECT_EQ(Row(table, 0).text("measured"), "samples");
  history.add_scan(minute(3), /*is_partial=*/true);
  history.add_sample(minute(3), 1, 900);
  EXPECT_EQ(Row(run("biggest_growth"), 0).integer("grown_bytes"), 800 * kKiB) << "after the last scan of all";
  EXPECT_TRUE(run("biggest_growth", minute(2), minute(3)).rows.empty()) << "one scan";
}

TEST_F(KillReports, WhatANewCgroupHeldAtFirstIsNoGrowth) {
  history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(minute(1)) + " WHERE cgroup_id = 2");
  history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(minute(0)) + " WHERE cgroup_id = 1");
  scan(minute(0), {100, -1});
  scan(minute(1), {100, 170});
  scan(minute(2), {101, 182});
  for (const std::int64_t since_us : {std::int64_t{0}, minute(0)}) {
    const Table table = run("biggest_growth", since_us);
    ASSERT_EQ(table.rows.size(), 2u);
    EXPECT_EQ(Row(table, 0).integer("grown_bytes"), 12 * kKiB);
    EXPECT_EQ(Row(table, 0).integer("usage_before_bytes"), 170 * kKiB);
    EXPECT_EQ(Row(table, 0).integer("anon_grown_bytes"), 12 * kKiB);
    EXPECT_EQ(Row(table, 0).integer("new_since_us"), minute(1));
    EXPECT_EQ(Row(table, 1).cell("new_since_us"), core::Cell{}) << "it is as old as the history";
  }
  EXPECT_EQ(Row(run("biggest_growth", minute(1)), 0).cell("new_since_us"), core::Cell{});
}

/// The two tables of one incident page.
TEST_F(KillReports, ASharerAndANeighbourGrewByTheSame) {
  history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(minute(1)) + " WHERE cgroup_id = 2");
  scan(minute(0), {100, -1});
  scan(minute(1), {100, 10'170});
  history.add_scan(minute(1) + 30 * kSecondUs, /*is_partial=*/true);
  history.add_sample(minute(1) + 30 * kSecondUs, 2, 12'182);
  const std::int64_t killed_at_us = minute(1) + 40 * kSecondUs;
  history.add_kill(1, killed_at_us);
  history.exec("UPDATE oom_kill SET cause = 'ancestor_limit', limit_path = '/'");
  const Table sharers = query("incident_sharers", 1);
  const Table neighbours = run("biggest_growth", 0, killed_at_us);
  ASSERT_EQ(neighbours.rows.size(), 1u);
  for (const Table* const table : {&sharers, &neighbours}) {
    EXPECT_EQ(Row(*table, 0).text("path"), "/c2");
    EXPECT_EQ(Row(*table, 0).integer("usage_before_bytes"), 10'170 * kKiB);
  }
  EXPECT_EQ(Row(sharers, 0).integer("usage_bytes"), 12'182 * kKiB);
  EXPECT_EQ(Row(neighbours, 0).integer("usage_after_bytes"), 12'182 * kKiB);
  EXPECT_EQ(Row(neighbours, 0).integer("grown_bytes"), 2012 * kKiB);
}

TEST_F(KillReports, GrowthIsFromAnHourWhereTheSamplesAreGone) {
  constexpr std::int64_t kHourUs = 60 * kMinuteUs;
  const std::int64_t begin_us = 20 * kHourUs;
  const auto add_hour = [&](std::int64_t at_us, int cgroup_id, int usage_kib) {
    const int sample_count = at_us < begin_us + 3 * kHourUs ? 360 : 2;
    history.exec("INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, usage_avg_kib, anon_avg_kib) VALUES (" +
                 std::to_string(at_us) + ", " + std::to_string(cgroup_id) + ", " + std::to_string(sample_count) + ", " +
                 std::to_string(usage_kib) + ", " + std::to_string(usage_kib / 2) + ")");
  };
  for (int hour = 0; hour < 4; ++hour) {
    history.add_scan(begin_us + hour * kHourUs);
    add_hour(begin_us + hour * kHourUs, 1, 500 + 10 * hour);
  }
  add_hour(begin_us + 3 * kHourUs, 2, 999);
  scan(begin_us + 3 * kHourUs + kMinuteUs, {560, 300});
  scan(begin_us + 3 * kHourUs + 2 * kMinuteUs, {600, 301});
  const Table table = run("biggest_growth", begin_us - kMinuteUs);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(Row(table, 0).integer("grown_bytes"), 100 * kKiB);
  EXPECT_EQ(Row(table, 0).integer("usage_before_bytes"), 500 * kKiB);
  EXPECT_EQ(Row(table, 0).integer("before_at_us"), begin_us);
  EXPECT_EQ(Row(table, 0).text("measured"), "from the average of an hour");
  EXPECT_EQ(Row(table, 1).integer("grown_bytes"), 1 * kKiB) << "an hour with samples does not count";
  EXPECT_EQ(Row(table, 1).text("measured"), "samples");
  EXPECT_EQ(Row(run("biggest_growth", begin_us + kMinuteUs), 0).integer("usage_before_bytes"), 500 * kKiB)
      << "the hour that covers the begin";
  const Table long_ago = run("biggest_growth", begin_us, begin_us + 3 * kHourUs);
  ASSERT_EQ(long_ago.rows.size(), 1u);
  EXPECT_EQ(Row(long_ago, 0).integer("grown_bytes"), 20 * kKiB);
  EXPECT_EQ(Row(long_ago, 0).text("measured"), "averages of hours");
}

TEST_F(KillReports, TheLastMinuteBeforeEachKillHasTheLimitOfThen) {
  for (const std::int64_t before_s : {61, 60, 10, 0}) {
    history.add_scan(minute(10) - before_s * kSecondUs);
    history.add_sample(minute(10) - before_s * kSecondUs, 1, 500 + before_s, 100, 20);
  }
  history.exec("INSERT INTO cgroup_limit VALUES (1, " + std::to_string(minute(10)) + ", 2048000, 2048000, NULL)");
  history.add_kill(1, minute(10) + 1);
  const Table table = run("memory_before_kill");
  ASSERT_EQ(table.rows.size(), 2u) << "one microsecond beyond the minute is beyond it";
  EXPECT_EQ(Row(table, 0).cell("seconds_before"), core::Cell{10.0});
  EXPECT_EQ(Row(table, 0).integer("usage_bytes"), 510 * kKiB);
  EXPECT_EQ(Row(table, 0).integer("cache_bytes"), 80 * kKiB);
  EXPECT_EQ(Row(table, 0).integer("shmem_bytes"), 20 * kKiB);
  EXPECT_EQ(Row(table, 0).integer("limit_bytes"), 1000 * kKiB);
  EXPECT_EQ(Row(table, 1).integer("limit_bytes"), 2000 * kKiB);
  EXPECT_TRUE(run("memory_before_kill", 0, minute(11), "/c2").rows.empty());
}

TEST_F(KillReports, KillsAreAddedUpByWorkloadAcrossContainers) {
  history.add_cgroup(4, "/w1", "shop/web/app", 1);
  history.add_cgroup(5, "/w2", "shop/web/app", 1);
  history.add_kill(4, minute(0), "shmem", "nginx");
  history.add_kill(5, minute(1));
  history.add_kill(5, minute(2));
  history.add_kill(1, minute(3));
  history.add_kill(0, minute(4));
  const Table table = run("kills_by_workload");
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(Row(table).text("workload"), "shop/web/app");
  EXPECT_EQ(Row(table).integer("kills"), 3);
  EXPECT_EQ(Row(table).integer("containers"), 2);
  EXPECT_EQ(Row(table).integer("first_at_us"), minute(0));
  EXPECT_EQ(Row(table).text("causes"), "shmem, anon_growth") << "as the history has it";
  EXPECT_EQ(Row(table).text("victims"), "python3, nginx") << "whom it hit most often first";
  EXPECT_EQ(Row(table, 1).text("workload"), "(not known)");
  EXPECT_EQ(Row(table, 2).text("workload"), "/c1");
}

TEST_F(KillReports, OfManyVictimsThreeAreNamed) {
  for (const std::string name : {"a", "b", "c", "d", "e", "f", "g"}) history.add_kill(1, minute(0), "shmem", name);
  history.add_kill(1, minute(0), "shmem", "f");
  EXPECT_EQ(Row(run("kills_by_workload")).text("victims"), "f, a, b and 4 more");
}

TEST_F(KillReports, EarlierKillsAreThoseOfTheWorkloadElseOfTheCgroup) {
  history.add_cgroup(4, "/w1", "shop/web/app", 1);
  history.add_cgroup(5, "/w2", "shop/web/app", 1);
  history.add_kill(4, minute(0));
  history.add_kill(5, minute(8 * 24 * 60));
  history.add_kill(4, minute(9 * 24 * 60));
  history.add_kill(1, minute(0));
  history.add_kill(2, minute(1));
  history.add_kill(1, minute(2));
  EXPECT_EQ(query("incident_earlier", 3).rows.size(), 2u);
  EXPECT_EQ(Row(query("incident_earlier", 3)).integer("id"), 2) << "the newest first";
  EXPECT_EQ(Row(query("incident_facts", 3)).integer("earlier_kills"), 2);
  EXPECT_EQ(Row(query("incident_facts", 3)).integer("earlier_kills_in_7_days"), 1);
  EXPECT_EQ(Row(query("incident_facts", 1)).integer("later_kills"), 2);
  EXPECT_EQ(query("incident_earlier", 6).rows.size(), 1u);
  EXPECT_EQ(Row(query("incident_facts", 4)).integer("later_kills"), 1);
  EXPECT_EQ(Row(query("incident_facts", 5)).integer("earlier_kills"), 0);
}

TEST_F(KillReports, AllEarlierKillsOfAWorkloadAreThere) {
  for (int i = 0; i < 12; ++i) history.add_kill(1, minute(i));
  EXPECT_EQ(query("incident_earlier", 12).rows.size(), 11u);
}

TEST_F(KillReports, TheSamplesOfAnIncidentFollowThePathThroughARestart) {
  history.exec(
      "INSERT INTO cgroup (cgroup_id, path, inode, first_seen_at_us, last_seen_at_us) VALUES (9, '/c1', 99, "
      "1, 1)");
  history.add_scan(minute(0));
  history.add_sample(minute(0), 1, 100, 30, 10);
  history.add_scan(minute(1));
  history.add_sample(minute(1), 9, 200);
  history.add_sample(minute(1), 2, 300);
  history.add_kill(9, minute(2));
  const Table table = query("incident_samples", 1);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(Row(table, 0).integer("cache_bytes"), 20 * kKiB);
  EXPECT_EQ(Row(table, 0).integer("limit_bytes"), 1000 * kKiB);
  EXPECT_EQ(Row(table, 1).integer("usage_bytes"), 200 * kKiB);
  EXPECT_EQ(Row(table, 1).cell("limit_bytes"), core::Cell{});
  EXPECT_EQ(query("incident_samples", 1, minute(1)).rows.size(), 1u);
}

TEST_F(KillReports, TheFactsHaveWhatTheGrowthBeganFrom) {
  scan(minute(0), {100});
  scan(minute(1), {900});
  history.add_kill(1, minute(2));
  history.exec("UPDATE oom_kill SET grew_from_at_us = " + std::to_string(minute(0)));
  const Table table = query("incident_facts", 1);
  EXPECT_EQ(Row(table).integer("grew_from_anon_bytes"), 100 * kKiB);
  EXPECT_EQ(Row(table).integer("history_ends_at_us"), minute(1));
  EXPECT_EQ(Row(table).integer("effective_limit_bytes"), 1000 * kKiB);
}

TEST_F(KillReports, SharersAreThoseBelowTheLimitThatWasHit) {
  history.add_cgroup(4, "/pod/a", "", 1);
  history.add_cgroup(5, "/pod/b", "", 1);
  history.add_cgroup(6, "/pod2/c", "", 1);
  scan(minute(0), {10, 20, 30, 40, 50, 60});
  history.add_scan(minute(1), /*is_partial=*/true);
  history.add_kill(4, minute(2), "ancestor_limit");
  history.add_kill(4, minute(2), "node");
  history.add_kill(4, minute(2));
  history.exec("UPDATE oom_kill SET limit_path = '/pod' WHERE oom_kill_id = 1");
  const Table table = query("incident_sharers", 1);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(Row(table, 0).integer("is_victim"), 1) << "nobody grew";
  EXPECT_EQ(Row(table, 1).text("path"), "/pod/b");
  EXPECT_EQ(Row(table, 0).integer("cgroups_below"), 2);
  EXPECT_EQ(query("incident_sharers", 2).rows.size(), 6u);
  EXPECT_TRUE(query("incident_sharers", 3).rows.empty());
}

TEST_F(KillReports, SharersAreByTheirNewestSampleAndTheFastestGrowerIsFirst) {
  history.add_cgroup(4, "/pod/big", "", 1);
  history.add_cgroup(5, "/pod/small", "", 1);
  history.add_cgroup(6, "/pod/gone", "", 1);
  const auto at_s = [](std::int64_t second) { return minute(0) + second * kSecondUs; };
  scan(at_s(0), {-1, -1, -1, 50 * 1024, 10 * 1024, 90 * 1024});
  scan(at_s(60), {-1, -1, -1, 95 * 1024, 37 * 1024});
  for (const int second : {70, 130, 139}) {
    history.add_scan(at_s(second), /*is_partial=*/true);
    history.add_sample(at_s(second), 5, second == 139 ? 53 * 1024 : 37 * 1024);
  }
  history.add_scan(at_s(140));
  history.add_sample(at_s(140), 5, 1);
  history.add_kill(4, at_s(140), "ancestor_limit");
  history.exec("UPDATE oom_kill SET limit_path = '/pod', source = 'counter', earliest_at_us = " +
               std::to_string(at_s(139)));
  const Table table = query("incident_sharers", 1);
  ASSERT_EQ(table.rows.size(), 2u) << "one was gone by the last scan of all";
  EXPECT_EQ(Row(table, 0).text("path"), "/pod/small");
  EXPECT_EQ(Row(table, 0).integer("grew"), 1);
  EXPECT_EQ(Row(table, 0).integer("usage_before_bytes"), 37 * 1024 * kKiB);
  EXPECT_EQ(Row(table, 0).integer("usage_bytes"), 53 * 1024 * kKiB) << "of a partial scan, before the kill";
  EXPECT_EQ(Row(table, 0).integer("grown_in_us"), 69 * kSecondUs);
  EXPECT_EQ(Row(table, 1).text("path"), "/pod/big");
  EXPECT_EQ(Row(table, 1).integer("usage_bytes"), 95 * 1024 * kKiB);
  EXPECT_EQ(Row(table, 1).integer("grew"), 0);
  EXPECT_EQ(Row(table, 1).integer("is_victim"), 1);
}

/// The case of kubernetes#128339: a tmpfs that an init container has written, and that nobody runs any more.
TEST_F(KillReports, AtAPodsLimitRunningCgroupsAndTheRemainderAddUp) {
  constexpr std::int64_t kMiB = 1024 * kKiB, kInKib = 1024;
  history.add_cgroup(4, "/pod", "", 512 * kMiB);
  history.add_cgroup(5, "/pod/init", "", 512 * kMiB);
  history.add_cgroup(6, "/pod/app", "", 512 * kMiB);
  history.exec("UPDATE cgroup SET kind = 'pod' WHERE cgroup_id = 4");
  history.exec("UPDATE cgroup SET kind = 'container' WHERE cgroup_id IN (5, 6)");
  history.exec("UPDATE cgroup SET vanished_at_us = " + std::to_string(minute(1)) +
               ", last_seen_at_us = " + std::to_string(minute(0)) + ", vanished_by = 'removed' WHERE cgroup_id = 5");
  scan(minute(0), {-1, -1, 999, 0, 101 * kInKib, 5 * kInKib});
  history.exec("UPDATE sample SET shmem_kib = 102400 WHERE cgroup_id = 5");
  scan(minute(1), {-1, -1, 999, 104 * kInKib, -1, 380 * kInKib});
  history.exec("UPDATE sample SET shmem_kib = 102400 WHERE cgroup_id = 4 AND usage_kib > 0");
  history.add_scan(minute(1) + kSecondUs, /*is_partial=*/true);
  history.add_sample(minute(1) + kSecondUs, 6, 400 * kInKib);
  history.add_kill(6, minute(1) + 25 * kSecondUs, "anon_growth");
  history.add_kill(6, minute(1) + 35 * kSecondUs, "ancestor_limit");
  history.exec("UPDATE oom_kill SET limit_path = '/pod'");
  EXPECT_TRUE(query("incident_shares", 2).rows.empty()) << "no scan of the last three intervals has them";
  const Table shares = query("incident_shares", 1);
  ASSERT_EQ(shares.rows.size(), 1u);
  EXPECT_EQ(Row(shares).integer("at_us"), minute(1)) << "the newest with the pod's remainder";
  EXPECT_EQ(Row(shares).integer("running_count"), 1);
  EXPECT_EQ(Row(shares).integer("running_bytes"), 380 * kMiB);
  EXPECT_EQ(Row(shares).integer("remainder_bytes"), 104 * kMiB);
  EXPECT_EQ(Row(shares).integer("remainder_tmpfs_bytes"), 100 * kMiB);
  const Table ended = query("incident_ended", 1);
  ASSERT_EQ(ended.rows.size(), 1u);
  EXPECT_EQ(Row(ended).text("path"), "/pod/init");
  EXPECT_EQ(Row(ended).integer("tmpfs_bytes"), 100 * kMiB);
  EXPECT_EQ(Row(ended).integer("ended_by_us"), minute(1));
  const Table sharers = query("incident_sharers", 1);
  ASSERT_EQ(sharers.rows.size(), 2u);
  EXPECT_EQ(Row(sharers, 1).text("cgroup"), "the remainder of pod /pod");
  EXPECT_EQ(Row(sharers, 0).integer("cgroups_below"), 1);
}

TEST_F(KillReports, TheFactsHaveTheOwnLimitAndWhetherSamplesAreGone) {
  history.add_cgroup(4, "/pod/app", "", 1000 * kKiB);
  history.add_cgroup(5, "/pod/free", "", 1000 * kKiB);
  history.exec("UPDATE cgroup_limit SET limit_bytes = NULL WHERE cgroup_id = 5");
  history.exec("DELETE FROM cgroup_limit WHERE cgroup_id = 3");
  for (const int id : {4, 5, 3}) history.add_kill(id, minute(2));
  history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(minute(0)));
  scan(minute(0), {1, 2, 3, 4, 5});
  history.exec("UPDATE scan SET cgroup_count = 5");
  const auto facts = [&](std::int64_t id) { return query("incident_facts", id); };
  EXPECT_EQ(Row(facts(1)).known_bytes("own_limit_bytes"), 1000 * kKiB);
  EXPECT_EQ(Row(facts(2)).known_bytes("own_limit_bytes"), std::nullopt);
  EXPECT_EQ(Row(facts(2)).integer("own_limit_is_known"), 1);
  EXPECT_EQ(Row(facts(3)).integer("own_limit_is_known"), 0);
  EXPECT_EQ(Row(facts(1)).integer("samples_are_gone"), 0);
  history.exec("DELETE FROM sample");
  EXPECT_EQ(Row(facts(1)).integer("samples_are_gone"), 1);
  history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(minute(1)));
  EXPECT_EQ(Row(facts(1)).integer("samples_are_gone"), 0) << "no scan had seen it";
}

TEST_F(KillReports, OfAContainerWithoutANameTheOtherKillsInItsPodCount) {
  history.add_cgroup(4, "/pod/a", "shop/upload/app", 1000 * kKiB);
  history.add_cgroup(5, "/pod/b", "shop/upload", 1000 * kKiB);
  history.exec("UPDATE cgroup SET pod_uid = 'u', pod = 'upload-1', namespace = 'shop' WHERE cgroup_id IN (4, 5)");
  history.exec("UPDATE cgroup SET container_id = 'a' || cgroup_id WHERE cgroup_id IN (4, 5)");
  history.exec("UPDATE cgroup SET container = 'app' WHERE cgroup_id = 4");
  history.add_kill(4, minute(1));
  history.add_kill(4, minute(2));
  history.add_kill(5, minute(3));
  EXPECT_EQ(Row(query("incident_facts", 3)).integer("other_kills_in_pod"), 2);
  EXPECT_EQ(Row(query("incident_facts", 1)).integer("other_kills_in_pod"), 0) << "its name is known";
  const Table table = run("kills_by_workload");
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(Row(table, 0).text("workload"), "shop/upload/app");
  EXPECT_EQ(Row(table, 1).text("workload"), "shop/upload") << "as everywhere";
}

TEST_F(KillReports, AKillHasOneNameInAllReports) {
  history.add_cgroup(4, "/pod/b", "shop/upload", 1000 * kKiB);
  history.exec(
      "UPDATE cgroup SET pod_uid = 'u', pod = 'upload-1', namespace = 'shop', container_id = 'abc' WHERE cgroup_id = "
      "4");
  history.add_kill(4, minute(5));  // of the pod's container only the id is known
  for (int at = 4; at > 0; --at) history.add_kill(at == 4 ? 1 : 0, minute(at));
  history.exec("UPDATE oom_kill SET victim_path = '/elsewhere' WHERE oom_kill_id = 3");
  history.exec("UPDATE oom_kill SET candidate_count = 3 WHERE oom_kill_id = 4");
  const auto names = [&](const std::string& report, const char* column) {
    std::multiset<std::string> result;
    const Table table = query(report, 0);
    for (const Row row : rows_of(table)) result.insert(row.text(column));
    return result;
  };
  const std::multiset<std::string> workloads{"shop/upload", "/c1", "/elsewhere", "(one of 3)", "(not known)"};
  EXPECT_EQ(names("oom_kills", "workload"), workloads);
  EXPECT_EQ(names("kills_by_workload", "workload"), workloads);
  EXPECT_EQ(names("incident_workloads", "cgroup"), workloads);
  EXPECT_EQ(names("oom_kills", "cgroup"), names("incident_list", "cgroup"));
  EXPECT_EQ(names("oom_kills", "cgroup"), names("oom_by_cgroup", "cgroup"));
}

TEST_F(KillReports, WhereNoLimitOfAnAncestorWasHit_NothingIsAddedUp) {
  scan(minute(0), {10});
  history.add_kill(1, minute(1), "node");
  history.add_kill(1, minute(1), "ancestor_limit");
  for (const std::int64_t id : {1, 2}) {
    EXPECT_TRUE(query("incident_shares", id).rows.empty());
    EXPECT_TRUE(query("incident_ended", id).rows.empty());
  }
}

TEST_F(KillReports, TheFactsHaveFromWhenToWhenTheServiceWasStopped) {
  const auto from = [&](std::int64_t id) { return Row(query("incident_facts", id)).integer("not_running_from_at_us"); };
  const auto event = [&](std::int64_t at_us, const std::string& kind) {
    history.exec("INSERT INTO service_event (at_us, kind) VALUES (" + std::to_string(at_us) + ", '" + kind + "')");
  };
  event(minute(0), "start");
  scan(minute(1), {1});
  event(minute(2), "stop");
  event(minute(4), "start");
  scan(minute(5), {1});
  event(minute(7), "crash_found");
  event(minute(7), "start");
  for (const int at : {3, 1, 5, 6, 8}) history.add_kill(1, minute(at) + 1);
  EXPECT_EQ(from(1), minute(2));
  EXPECT_EQ(Row(query("incident_facts", 1)).integer("not_running_to_at_us"), minute(4));
  EXPECT_EQ(from(2), 0) << "it was running yet";
  EXPECT_EQ(from(4), minute(5)) << "nobody knows when it crashed: from the last scan on";
  EXPECT_EQ(Row(query("incident_facts", 4)).integer("had_crashed"), 1);
  EXPECT_EQ(from(5), 0);
  history.exec("UPDATE oom_kill SET source = 'counter', killed_at_us = " + std::to_string(minute(5)) +
               ", earliest_at_us = " + std::to_string(minute(1)) + " WHERE oom_kill_id = 1");
  EXPECT_EQ(from(1), minute(2)) << "between the two scans that the counter tells of";
}

TEST_F(KillReports, AKillOutsideTheWatchedCgroupsHasARowInEach) {
  history.add_kill(0, minute(0));
  history.exec("UPDATE oom_kill SET victim_path = '/elsewhere'");
  for (const char* const name : {"incident_list", "incident_kill", "incident_facts"}) {
    EXPECT_EQ(query(name, 1).rows.size(), 1u) << name;
  }
  EXPECT_EQ(Row(query("incident_list", 1)).text("cgroup"), "/elsewhere");
  EXPECT_TRUE(query("incident_samples", 1).rows.empty());
}

}  // namespace
}  // namespace cgmm::report
