// SPDX-License-Identifier: Apache-2.0
#include "store/retention.hpp"

#include <SQLiteCpp/Database.h>

#include <numeric>

#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

using core::Counter;
using core::Gauge;
using core::Keep;
using core::Scan;

constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

core::ScanRow row_of(core::CgroupKey key, std::uint64_t anon_bytes, std::uint64_t faults = 1) {
  core::ScanRow row{.key = key};
  row.gauges.set(Gauge::anon, anon_bytes);
  row.increases.set(Counter::pgfault, faults);
  return row;
}

class RetentionTest : public StoreTest {
 protected:
  /// A scan of `count` cgroups, announced when they are new.
  Scan scan_at(std::int64_t at_us, core::CgroupKey count = 1, std::uint64_t anon_bytes = 1 << 20) {
    Scan scan{.started_at_us = at_us};
    for (core::CgroupKey key = 1; key <= count; ++key) {
      if (key > announced_) scan.appeared.push_back({.key = key, .id = {"/" + std::to_string(key), key}});
      scan.rows.push_back(row_of(key, anon_bytes));
    }
    announced_ = std::max(announced_, count);
    return scan;
  }

  void tidy_up(std::int64_t now_us) {
    for (int i = 0; i < 300; ++i) history_.tidy(now_us);
  }

  std::int64_t bytes_on_disk() const {
    std::int64_t bytes = 0;
    for (const char* end : {"", "-wal", "-shm"}) {
      const std::filesystem::path part = file().string() + end;
      if (std::filesystem::exists(part)) bytes += static_cast<std::int64_t>(std::filesystem::file_size(part));
    }
    return bytes;
  }

  History history_{file()};
  core::CgroupKey announced_ = 0;
};

TEST_F(RetentionTest, AnHourThatIsOverIsRolledUp) {
  history_.keep({});
  for (int i = 0; i < 4; ++i) store(history_, scan_at(kNoon + i * 20 * kMinute, 2, static_cast<std::uint64_t>(i + 1) << 20));
  tidy_up(kNoon + kHour);
  EXPECT_EQ(query("SELECT hour_at_us, cgroup_id, sample_count, anon_avg_kib, anon_max_kib, shmem_avg_kib, pgfault, pgscan "
                  "FROM sample_hour"),
            std::to_string(kNoon) + "|1|3|2048|3072|NULL|3|NULL\n" + std::to_string(kNoon) + "|2|3|2048|3072|NULL|3|NULL\n");
  EXPECT_EQ(query("SELECT scan_id FROM rolled_up"), "3\n");
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "8\n") << "they stay as long as they are kept";
}

TEST_F(RetentionTest, APartialScanCountsForTheMaximumAndTheSumsNotForTheAverage) {
  history_.keep({});
  store(history_, scan_at(kNoon, 1, 1 << 20));
  Scan partial = scan_at(kNoon + kSecond, 1, 5 << 20);
  partial.is_partial = true;
  store(history_, partial, scan_at(kNoon + 2 * kSecond, 1, 3 << 20), scan_at(kNoon + kHour, 1));
  tidy_up(kNoon + kHour);
  EXPECT_EQ(query("SELECT sample_count, anon_avg_kib, anon_max_kib, pgfault FROM sample_hour"), "2|2048|5120|3\n");
}

TEST_F(RetentionTest, ManyCgroupsAreRolledUpInChunks) {
  history_.keep({});
  store(history_, scan_at(kNoon, 5000));
  store(history_, scan_at(kNoon + kMinute, 5000), scan_at(kNoon + kHour, 1));
  tidy_up(kNoon + kHour);
  EXPECT_EQ(query("SELECT count(*), min(sample_count), max(sample_count), sum(pgfault) FROM sample_hour"), "5000|2|2|10000\n");
}

TEST_F(RetentionTest, AnHourThatComesTwiceIsMadeAnewOfAllItsScans) {
  history_.keep({});
  store(history_, scan_at(kNoon + 10 * kMinute));
  store(history_, scan_at(kNoon + kHour));
  tidy_up(kNoon + kHour);
  store(history_, scan_at(kNoon + 30 * kMinute), scan_at(kNoon + 40 * kMinute), scan_at(kNoon + kHour + kMinute));
  tidy_up(kNoon + kHour + kMinute);
  store(history_, scan_at(kNoon + 2 * kHour));
  tidy_up(kNoon + 2 * kHour);
  EXPECT_EQ(query("SELECT (hour_at_us - " + std::to_string(kNoon) + ") / 3600000000, sample_count FROM sample_hour"),
            "0|3\n1|2\n");
}

TEST_F(RetentionTest, ARollUpThatACrashInterruptedIsBegunAgain) {
  history_.keep({});
  store(history_, scan_at(kNoon, 3000));
  store(history_, scan_at(kNoon + kMinute, 3000), scan_at(kNoon + kHour, 1));
  // Whatever the slice in which it is interrupted.
  SQLite::Database other(file().string(), SQLite::OPEN_READWRITE);
  Retention interrupted(other);
  interrupted.keep({});
  for (int slices = 0; slices < 6; ++slices) {
    other.exec("BEGIN");
    interrupted.work(kNoon + kHour);
    other.exec("COMMIT");
  }
  EXPECT_EQ(query("SELECT count(*) FROM rolled_up"), "0\n");
  EXPECT_NE(query("SELECT count(*) FROM sample_hour"), "0\n");
  tidy_up(kNoon + kHour);
  EXPECT_EQ(query("SELECT count(*), min(sample_count), sum(pgfault) FROM sample_hour"), "3000|2|6000\n");
}

TEST_F(RetentionTest, SamplesAreDroppedAtTheirAgeOnceTheyAreRolledUp) {
  history_.keep({.samples_us = 2 * kHour});
  for (int i = 0; i < 6; ++i) store(history_, scan_at(kNoon + i * 30 * kMinute));
  store(history_, scan_at(kNoon + 3 * kHour + kMinute));
  tidy_up(kNoon + 3 * kHour + kMinute);
  EXPECT_EQ(query("SELECT group_concat(scan_id) FROM sample"), "4,5,6,7\n");
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "7\n");
  EXPECT_EQ(query("SELECT sum(sample_count) FROM sample_hour"), "6\n");
}

TEST_F(RetentionTest, PartialScansDoNotOutrunWhatIsDropped) {
  history_.keep({.samples_us = kHour});
  for (int i = 1; i <= 100; ++i) {
    Scan scan = scan_at(kNoon + i * kSecond);
    scan.is_partial = i % 10 != 0 && i != 1;
    store(history_, scan);
  }
  store(history_, scan_at(kNoon + 2 * kHour));
  tidy_up(kNoon + 2 * kHour);
  EXPECT_EQ(query("SELECT count(*), min(scan_id) FROM sample"), "1|101\n");
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "12\n") << "those of all cgroups stay";
}

TEST_F(RetentionTest, SamplesAroundAnOomKillStayLonger) {
  history_.keep({.samples_us = kHour});
  for (int i = 0; i <= 90; ++i) {
    store(history_, scan_at(kNoon + i * kMinute));
    if (i == 45) store(history_, core::CountedOomKills{.id = {"/1", 1}, .at_us = kNoon + i * kMinute, .count = 1});
  }
  store(history_, scan_at(kNoon + 10 * kHour));
  tidy_up(kNoon + 10 * kHour);
  EXPECT_EQ(query("SELECT count(*), min(scan_id) - 1, max(scan_id) - 1 FROM sample WHERE scan_id < 92"), "36|15|50\n");
  store(history_, scan_at(kNoon + 91 * kDay));
  tidy_up(kNoon + 91 * kDay);
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "1\n");
}

TEST_F(RetentionTest, WhatIsOldGoesWithTheCgroupsThatEnded) {
  history_.keep({.samples_us = kDay, .hours_us = 10 * kDay, .events_us = 20 * kDay});
  history_.begin_run(kNoon, "");
  Scan first = scan_at(kNoon, 2);
  first.limits = {{1, {.limit_bytes = 1}}, {2, {.limit_bytes = 1}}};
  store(history_, first);
  store(history_, core::Reclaim{.reclaim_id = 1, .id = {"/2", 2}, .started_at_us = kNoon, .cooldown = core::Cooldown{kNoon, kNoon, 0}},
        core::Effect{.reclaim_id = 1}, core::ServiceEvent{kNoon, "gap", ""},
        core::CountedOomKills{.id = {"/2", 2}, .at_us = kNoon, .count = 1});
  Scan second = scan_at(kNoon + kHour);
  second.vanished = {2};
  second.limits = {{1, {.limit_bytes = 2}}};
  store(history_, second);
  const auto counts = [&] {
    return query("SELECT (SELECT count(*) FROM sample), (SELECT count(*) FROM sample_hour), (SELECT count(*) FROM cgroup), "
                 "(SELECT count(*) FROM reclaim), (SELECT count(*) FROM reclaim_effect), (SELECT count(*) FROM oom_kill), "
                 "(SELECT count(*) FROM service_event), (SELECT count(*) FROM cgroup_limit), (SELECT count(*) FROM cooldown), "
                 "(SELECT count(*) FROM scan)");
  };
  store(history_, scan_at(kNoon + 5 * kDay));
  tidy_up(kNoon + 5 * kDay);
  EXPECT_EQ(counts(), "3|3|2|1|1|1|2|3|1|3\n") << "those around the kill stay";
  store(history_, scan_at(kNoon + 19 * kDay));
  tidy_up(kNoon + 19 * kDay);
  EXPECT_EQ(counts(), "3|0|2|1|1|1|2|3|1|4\n");
  store(history_, scan_at(kNoon + 21 * kDay));
  tidy_up(kNoon + 21 * kDay);
  EXPECT_EQ(counts(), "3|1|2|0|0|0|1|2|0|5\n") << "of the events the start stays";
  store(history_, scan_at(kNoon + 60 * kDay));
  tidy_up(kNoon + 60 * kDay);
  EXPECT_EQ(counts(), "1|0|1|0|0|0|1|1|0|1\n");
}

TEST_F(RetentionTest, TheFileStaysInsideItsSizeAndTheOldestSamplesGo) {
  constexpr std::int64_t kMaxBytes = 32 << 20;
  history_.keep({.max_size_bytes = kMaxBytes});
  std::int64_t biggest = 0;
  for (int i = 0; i < 1500; ++i) {
    store(history_, scan_at(kNoon + i * 10 * kSecond, 500));
    history_.tidy(kNoon + i * 10 * kSecond);
    biggest = std::max(biggest, bytes_on_disk());
  }
  EXPECT_LE(biggest, kMaxBytes);
  EXPECT_GT(biggest, kMaxBytes * 3 / 4);
  EXPECT_EQ(query("SELECT max(scan_id) FROM sample"), "1500\n");
  EXPECT_GT(std::stoi(query("SELECT count(*) FROM sample WHERE scan_id > 1140")), 170'000) << "the last hour is whole";
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "1500\n");
}

TEST_F(RetentionTest, ASmallerSizeGivesPagesBackToTheFileSystem) {
  history_.keep({});
  for (int i = 0; i < 2000; ++i) store(history_, scan_at(kNoon + i * 10 * kSecond, 500));
  EXPECT_GT(bytes_on_disk(), 34 << 20);
  history_.keep({.max_size_bytes = 32 << 20});
  for (int i = 0; i < 40; ++i) tidy_up(kNoon + 2000 * 10 * kSecond);
  store(history_, scan_at(kNoon + 2000 * 10 * kSecond, 500));
  EXPECT_LT(bytes_on_disk(), 32 << 20);
}

TEST_F(RetentionTest, AReaderThatStaysLosesSamplesAndNothingElse) {
  constexpr std::int64_t kMaxBytes = 32 << 20;
  history_.keep({.max_size_bytes = kMaxBytes});
  store(history_, scan_at(kNoon, 500));
  SQLite::Database reader(file().string(), SQLite::OPEN_READONLY);
  reader.exec("BEGIN; SELECT count(*) FROM scan");
  std::int64_t biggest = 0;
  for (int i = 1; i < 1200; ++i) {
    store(history_, scan_at(kNoon + i * 10 * kSecond, 500));
    if (i % 20 == 0) store(history_, core::ServiceEvent{kNoon + i, "gap", ""});
    history_.tidy(kNoon + i * 10 * kSecond);
    biggest = std::max(biggest, bytes_on_disk());
  }
  EXPECT_LE(biggest, kMaxBytes);
  EXPECT_TRUE(history_.room().log_is_held);
  EXPECT_GT(history_.room().lost_scans, 100);
  EXPECT_TRUE(history_.room().wants_announcement);
  EXPECT_EQ(query("SELECT count(*) FROM scan"), std::to_string(1200 - history_.room().lost_scans) + "\n");
  EXPECT_EQ(query("SELECT count(*) FROM service_event"), "59\n");
  reader.exec("COMMIT");
  const std::int64_t before = history_.room().lost_scans;
  store(history_, scan_at(kNoon + 1200 * 10 * kSecond, 500));
  EXPECT_EQ(history_.room().lost_scans, before + 1) << "it does not announce every cgroup";
  announced_ = 0;
  Scan announcing = scan_at(kNoon + 1201 * 10 * kSecond, 500);
  announcing.announces_all = true;
  store(history_, announcing, core::ServiceEvent{kNoon, "gap", ""});
  store(history_, scan_at(kNoon + 1202 * 10 * kSecond, 500));
  EXPECT_EQ(history_.room().lost_scans, before + 1);
  EXPECT_FALSE(history_.room().log_is_held);
  EXPECT_LT(history_.room().log_bytes, 8 << 20);
}

}  // namespace
}  // namespace cgmm::store
