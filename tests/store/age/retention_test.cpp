// SPDX-License-Identifier: Apache-2.0
#include "store/age/maintenance.hpp"

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <algorithm>

#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

using core::Scan;

TEST_F(RetentionTest, AnHourThatIsOverIsRolledUp) {
  history_.set_retention({});
  for (int i = 0; i < 4; ++i)
    store(history_, scan_at(kNoon + i * 20 * kMinute, 2, static_cast<std::uint64_t>(i + 1) << 20));
  maintain_all(kNoon + kHour);
  EXPECT_EQ(
      query("SELECT hour_at_us, cgroup_id, sample_count, anon_avg_kib, anon_max_kib, shmem_avg_kib, pgfault, pgscan "
            "FROM sample_hour"),
      std::to_string(kNoon) + "|1|3|2048|3072|NULL|3|NULL\n" + std::to_string(kNoon) + "|2|3|2048|3072|NULL|3|NULL\n");
  EXPECT_EQ(query("SELECT scan_id FROM rolled_up"), "3\n");
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "8\n") << "they stay as long as they are kept";
}

TEST_F(RetentionTest, APartialScanCountsForTheMaximumAndTheSumsNotForTheAverage) {
  history_.set_retention({});
  store(history_, scan_at(kNoon, 1, 1 << 20));
  Scan partial = scan_at(kNoon + kSecond, 1, 5 << 20);
  partial.is_partial = true;
  store(history_, partial, scan_at(kNoon + 2 * kSecond, 1, 3 << 20), scan_at(kNoon + kHour, 1));
  maintain_all(kNoon + kHour);
  EXPECT_EQ(query("SELECT sample_count, anon_avg_kib, anon_max_kib, pgfault FROM sample_hour"), "2|2048|5120|3\n");
}

TEST_F(RetentionTest, ManyCgroupsAreRolledUpInChunks) {
  history_.set_retention({});
  store(history_, scan_at(kNoon, 5000));
  store(history_, scan_at(kNoon + kMinute, 5000), scan_at(kNoon + kHour, 1));
  maintain_all(kNoon + kHour);
  EXPECT_EQ(query("SELECT count(*), min(sample_count), max(sample_count), sum(pgfault) FROM sample_hour"),
            "5000|2|2|10000\n");
}

TEST_F(RetentionTest, AnHourThatComesTwiceIsMadeAnewOfAllItsScans) {
  history_.set_retention({});
  store(history_, scan_at(kNoon + 10 * kMinute));
  store(history_, scan_at(kNoon + kHour));
  maintain_all(kNoon + kHour);
  store(history_, scan_at(kNoon + 30 * kMinute), scan_at(kNoon + 40 * kMinute), scan_at(kNoon + kHour + kMinute));
  maintain_all(kNoon + kHour + kMinute);
  store(history_, scan_at(kNoon + 2 * kHour));
  maintain_all(kNoon + 2 * kHour);
  EXPECT_EQ(query("SELECT (hour_at_us - " + std::to_string(kNoon) + ") / 3600000000, sample_count FROM sample_hour"),
            "0|3\n1|2\n");
}

TEST_F(RetentionTest, ARollUpThatACrashInterruptedIsBegunAgain) {
  history_.set_retention({});
  store(history_, scan_at(kNoon, 3000));
  store(history_, scan_at(kNoon + kMinute, 3000), scan_at(kNoon + kHour, 1));
  SQLite::Database other(file().string(), SQLite::OPEN_READWRITE);
  Statements sql(other);
  Wal wal(other, file());
  Changes changes(sql);
  Losses losses;
  Maintenance interrupted(sql, wal, changes, losses);
  interrupted.set_settings({});
  other.exec("BEGIN");
  interrupted.work(kNoon + kHour);
  other.exec("COMMIT");
  EXPECT_EQ(query("SELECT count(*) FROM rolled_up"), "0\n");
  EXPECT_NE(query("SELECT count(*) FROM sample_hour"), "0\n");
  maintain_all(kNoon + kHour);
  EXPECT_EQ(query("SELECT count(*), min(sample_count), sum(pgfault) FROM sample_hour"), "3000|2|6000\n");
}

TEST_F(RetentionTest, AnAbsurdIncreaseDoesNotKeepAnHourFromBeingRolledUp) {
  history_.set_retention({});
  for (int i = 0; i < 2; ++i) {
    Scan scan = scan_at(kNoon + i * kMinute);
    scan.rows[0].increases.set(core::Counter::pgfault, UINT64_MAX);
    store(history_, scan);
  }
  store(history_, scan_at(kNoon + kHour));
  maintain_all(kNoon + kHour);
  EXPECT_EQ(query("SELECT sample_count, pgfault FROM sample_hour"), "2|" + std::to_string(INT64_MAX) + "\n");
}

TEST_F(RetentionTest, SamplesAreDroppedAtTheirAgeOnceTheyAreRolledUp) {
  history_.set_retention({.samples_us = 2 * kHour});
  for (int i = 0; i < 6; ++i) store(history_, scan_at(kNoon + i * 30 * kMinute));
  store(history_, scan_at(kNoon + 3 * kHour + kMinute));
  maintain_all(kNoon + 3 * kHour + kMinute);
  EXPECT_EQ(query("SELECT group_concat(scan_id) FROM sample"), "4,5,6,7\n");
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "7\n");
  EXPECT_EQ(query("SELECT sum(sample_count) FROM sample_hour"), "6\n");
}

TEST_F(RetentionTest, WhenNothingIsLeftToDoItRestsForAWhile) {
  history_.set_retention({.samples_us = kHour + 2 * kMinute});
  for (int i = 0; i < 3; ++i) store(history_, scan_at(kNoon + i * kSecond));
  store(history_, scan_at(kNoon + kHour));
  maintain_all(kNoon + kHour);
  maintain_all(kNoon + kHour + 3 * kMinute);
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "4\n") << "nothing to speak of was recorded since";
  maintain_all(kNoon + kHour + 5 * kMinute);
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "1\n");
}

TEST_F(RetentionTest, ItDoesNotRestWhileMuchIsRecorded) {
  history_.set_retention({.samples_us = kHour + 2 * kMinute});
  for (int i = 0; i < 3; ++i) store(history_, scan_at(kNoon + i * kSecond));
  store(history_, scan_at(kNoon + kHour));
  maintain_all(kNoon + kHour);
  store(history_, scan_at(kNoon + kHour + 3 * kMinute, 4000));
  maintain_all(kNoon + kHour + 3 * kMinute);
  EXPECT_EQ(query("SELECT min(scan_id) FROM sample"), "4\n");
}

TEST_F(RetentionTest, PartialScansDoNotOutrunWhatIsDropped) {
  history_.set_retention({.samples_us = kHour});
  for (int i = 1; i <= 100; ++i) {
    Scan scan = scan_at(kNoon + i * kSecond);
    scan.is_partial = i % 10 != 0 && i != 1;
    store(history_, scan);
  }
  store(history_, scan_at(kNoon + 2 * kHour));
  maintain_all(kNoon + 2 * kHour);
  EXPECT_EQ(query("SELECT count(*), min(scan_id) FROM sample"), "1|101\n");
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "12\n") << "those of all cgroups stay";
}

TEST_F(RetentionTest, SamplesAroundAnOomKillStayLonger) {
  history_.set_retention({.samples_us = kHour});
  for (int i = 0; i <= 90; ++i) {
    store(history_, scan_at(kNoon + i * kMinute));
    if (i == 45) store(history_, core::CountedOomKills{.id = {"/1", 1}, .at_us = kNoon + i * kMinute, .count = 1});
  }
  store(history_, scan_at(kNoon + 10 * kHour));
  maintain_all(kNoon + 10 * kHour);
  EXPECT_EQ(query("SELECT count(*), min(scan_id) - 1, max(scan_id) - 1 FROM sample WHERE scan_id < 92"), "36|15|50\n");
  store(history_, scan_at(kNoon + 90 * kDay));
  store(history_, scan_at(kNoon + 91 * kDay + kHour));
  maintain_all(kNoon + 91 * kDay + kHour);
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "1\n");
}

TEST_F(RetentionTest, WhatIsOldGoesWithTheCgroupsThatEnded) {
  history_.set_retention({.samples_us = kDay, .hours_us = 10 * kDay, .events_us = 20 * kDay});
  history_.begin_run(kNoon, "");
  Scan first = scan_at(kNoon, 2);
  for (core::CgroupKey key : {1U, 2U})
    first.rows[key - 1].cgroup = test::tracked(key, {"/" + std::to_string(key), key}, {.limit_bytes = 1});
  store(history_, first);
  store(history_,
        core::Reclaim{.reclaim_id = 1,
                      .id = {"/2", 2},
                      .started_at_us = kNoon,
                      .freed_bytes = 4096,
                      .outcome = core::ReclaimOutcome::done},
        core::CgroupCooldown{{"/2", 2}, {kNoon, kNoon, 0}}, core::Effect{.reclaim_id = 1},
        core::ServiceEvent{kNoon, "gap", ""}, core::CountedOomKills{.id = {"/2", 2}, .at_us = kNoon, .count = 1});
  Scan second = scan_at(kNoon + kHour);
  second.rows[0].cgroup = test::tracked(1, {"/1", 1}, {.limit_bytes = 2});
  store(history_, second);
  const auto counts = [&] {
    return query(
        "SELECT (SELECT count(*) FROM sample), (SELECT count(*) FROM sample_hour), (SELECT count(*) FROM cgroup), "
        "(SELECT count(*) FROM reclaim), (SELECT count(*) FROM reclaim_effect), (SELECT count(*) FROM oom_kill), "
        "(SELECT count(*) FROM service_event), (SELECT count(*) FROM cgroup_limit), (SELECT count(*) FROM cooldown), "
        "(SELECT count(*) FROM scan)");
  };
  const auto maintain_at = [&](std::int64_t at_us) {
    store(history_, Scan{.started_at_us = at_us - kDay - kHour, .unread = {1}});
    Scan scan = scan_at(at_us);
    scan.rows[0].cgroup = second.rows[0].cgroup;
    store(history_, scan);
    maintain_all(at_us);
  };
  maintain_at(kNoon + 5 * kDay);
  EXPECT_EQ(counts(), "3|3|2|1|1|1|2|3|1|4\n") << "those around the kill stay";
  maintain_at(kNoon + 19 * kDay);
  EXPECT_EQ(counts(), "3|0|2|1|1|1|2|3|1|6\n");
  maintain_at(kNoon + 21 * kDay);
  EXPECT_EQ(counts(), "3|1|2|0|0|0|1|2|1|8\n") << "of the events the start stays, and a cooldown as long as its cgroup";
  maintain_at(kNoon + 60 * kDay);
  EXPECT_EQ(counts(), "1|0|1|0|0|0|1|1|0|2\n");
  EXPECT_EQ(total_of("oom_kills") + total_of("reclaims") + total_of("reclaim_freed_bytes"), "1\n1\n4096\n")
      << "totals only rise";
}

TEST_F(RetentionTest, SamplesWhoseScanIsLostAreDroppedInTheirTurn) {
  history_.set_retention({.samples_us = 2 * kHour});
  for (int i = 0; i < 6; ++i) store(history_, scan_at(kNoon + i * 30 * kMinute));
  SQLite::Database(file().string(), SQLite::OPEN_READWRITE).exec("DELETE FROM scan WHERE scan_id IN (1, 3, 5)");
  store(history_, scan_at(kNoon + 3 * kHour + kMinute));
  maintain_all(kNoon + 3 * kHour + kMinute);
  EXPECT_EQ(query("SELECT group_concat(scan_id) FROM sample"), "4,5,6,7\n");
}

/// Work done for the slice that took most, in operations of SQLite's machine: some ten million make a second.
std::int64_t longest_slice(const std::filesystem::path& file, std::int64_t now_us, int slices) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
  Statements sql(database);
  Wal wal(database, file);
  Changes changes(sql);
  Losses losses;
  Maintenance retention(sql, wal, changes, losses);
  retention.set_settings({});
  std::int64_t count = 0;
  sqlite3_progress_handler(
      database.getHandle(), 100, [](void* counted) { return *static_cast<std::int64_t*>(counted) += 100, 0; }, &count);
  std::int64_t longest = 0;
  for (int i = 0; i < slices; ++i) {
    count = 0;
    database.exec("BEGIN");
    const bool more = retention.work(now_us);
    database.exec("COMMIT");
    longest = std::max(longest, count);
    if (!more) break;
  }
  return longest;
}

TEST_F(RetentionTest, NoSliceIsLongHoweverManyRowsStay) {
  history_.begin_run(kNoon, "");
  history_.set_retention({});
  {
    SQLite::Database database(file().string(), SQLite::OPEN_READWRITE);
    database.exec("BEGIN");
    database.exec(
        "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
        "SELECT i FROM n");
    database.exec(
        "INSERT INTO cgroup (cgroup_id, path, inode, first_seen_at_us, last_seen_at_us, vanished_at_us) "
        "SELECT i, '/' || i, i, 1000000, 1000000, CASE WHEN i % 2 THEN 2000000 END FROM n");
    database.exec("INSERT INTO cgroup_limit (cgroup_id, changed_at_us) SELECT i, 1000000 FROM n");
    database.exec("INSERT INTO cgroup_limit (cgroup_id, changed_at_us) SELECT i, 1500000 FROM n WHERE i < 1000");
    database.exec("INSERT INTO cooldown (cgroup_id, last_reclaim_at_us, until_us) SELECT i, 1000000, 1000000 FROM n");
    database.exec(
        "INSERT INTO reclaim (reclaim_id, cgroup_id, started_at_us, method, threshold_bytes, outcome) "
        "SELECT i, i, 1000000 + i, '', 0, 'done' FROM n");
    database.exec("INSERT INTO reclaim_effect (reclaim_id, observed_for_us, verdict) SELECT i, 1, 'futile' FROM n");
    database.exec("INSERT INTO service_event (at_us, kind) SELECT 1000000 + i, 'gap' FROM n");
    database.exec("INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count) SELECT 0, i, 1 FROM n");
    database.exec("COMMIT");
  }
  EXPECT_LT(longest_slice(file(), kNoon, 10'000), 100'000);
  EXPECT_EQ(query("SELECT (SELECT count(*) FROM sample_hour), (SELECT count(*) FROM reclaim), "
                  "(SELECT count(*) FROM reclaim_effect), (SELECT count(*) FROM service_event), (SELECT count(*) FROM "
                  "cgroup), (SELECT count(*) FROM cgroup_limit), "
                  "(SELECT count(*) FROM cooldown)"),
            "0|0|0|1|50000|50000|50000\n");
}

TEST_F(RetentionTest, OfTheStartsTheLastOneBeforeStays) {
  history_.set_retention({.events_us = kDay});
  for (int i = 0; i < 10; ++i) {
    store(history_, core::ServiceEvent{kNoon + i * kMinute, i % 3 == 0 && i < 9 ? "start" : "gap", std::to_string(i)});
  }
  store(history_, core::ServiceEvent{kNoon + 2 * kDay, "start", "10"},
        core::ServiceEvent{kNoon + 2 * kDay, "gap", "11"});
  maintain_all(kNoon + 2 * kDay);
  EXPECT_EQ(query("SELECT group_concat(detail) FROM service_event"), "6,10,11\n");
  maintain_all(kNoon + 4 * kDay);
  EXPECT_EQ(query("SELECT group_concat(detail) FROM service_event"), "10\n");
}

}  // namespace
}  // namespace cgmm::store
