// SPDX-License-Identifier: Apache-2.0
#include "store/age/archiver.hpp"

#include <SQLiteCpp/Database.h>

#include <iterator>
#include <random>
#include <sstream>
#include <vector>

#include "store/age/instants.hpp"
#include "store/age/old_rows.hpp"
#include "store/archived/damaged_chunks.hpp"
#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

class ArchiveTest : public RetentionTest {
 protected:
  static constexpr core::RetentionSettings kSettings{
      .samples_us = 100 * kDay, .archive = true, .archive_after_us = kHour};

  /// Scans every 10 s, of cgroups whose numbers go up and down and are unknown now and then. When the last one was.
  std::int64_t record(int count, core::CgroupKey cgroups = 5) {
    for (int i = 0; i < count; ++i, next_us_ += 10 * kSecond) {
      core::Scan scan{.started_at_us = next_us_, .interval_us = 10 * kSecond};
      for (core::CgroupKey key = 1; key <= cgroups; ++key) {
        if (random_() % 20 == 0) continue;
        core::ScanRow row{.cgroup = test::tracked(key, {"/" + std::to_string(key), key})};
        for (std::size_t j = 0; j < core::Gauges::kSize; ++j) {
          if (random_() % 5 != 0) row.gauges.set(static_cast<core::Gauge>(j), (random_() % 100'000) * 1024);
        }
        for (std::size_t j = 0; j < core::Counters::kSize; ++j) {
          const auto counter = static_cast<core::Counter>(j);
          if (counter != core::Counter::oom_kills && random_() % 3 != 0) row.increases.set(counter, random_() % 1000);
        }
        if (random_() % 50 == 0) row.gauges.set_no_number(core::Gauge::shmem);
        scan.rows.push_back(row);
      }
      store(history_, scan);
    }
    return next_us_;
  }

  /// What everybody sees.
  std::vector<std::string> seen() const {
    std::vector<std::string> all;
    for (const char* const sql :
         {"SELECT * FROM sample ORDER BY scan_id, cgroup_id",
          "SELECT * FROM sample ORDER BY scan_id DESC, cgroup_id DESC",
          "SELECT * FROM v_sample ORDER BY scan_id, cgroup_id",
          "SELECT min(scan_id), max(scan_id), count(*) FROM sample",
          "SELECT * FROM sample WHERE cgroup_id = 3 AND scan_id > 500 AND scan_id < 600",
          "SELECT * FROM sample WHERE cgroup_id = 3 AND scan_id BETWEEN 500 AND 600 ORDER BY scan_id DESC",
          "SELECT scan_id, (SELECT usage_kib FROM sample s WHERE s.scan_id = scan.scan_id AND cgroup_id = 2) FROM scan",
          "SELECT scan_id, EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = scan.scan_id) FROM scan",
          "SELECT scan_id, (SELECT s.scan_id FROM sample s WHERE s.scan_id > scan.scan_id ORDER BY s.scan_id LIMIT 1) "
          "FROM scan",
          "SELECT scan_id, (SELECT max(s.scan_id) FROM sample s WHERE s.scan_id < scan.scan_id) FROM scan",
          "SELECT s.cgroup_id, sum(pgfault), max(held_kib) FROM scan sc CROSS JOIN sample s WHERE s.scan_id = "
          "sc.scan_id "
          "AND s.cgroup_id BETWEEN 2 AND 3 AND sc.started_at_us % 3 = 0 GROUP BY 1 ORDER BY 1",
          "SELECT scan_id FROM sample WHERE scan_id IN (1700, 20, 1440, 1439, 99999) AND cgroup_id = 1 ORDER BY "
          "scan_id",
          "SELECT count(*) FROM sample WHERE scan_id = NULL OR scan_id > 1e30 OR cgroup_id < 'x' AND scan_id < 12.5",
          "SELECT * FROM sample s LEFT JOIN cgroup USING (cgroup_id) WHERE scan_id = 30 ORDER BY cgroup_id DESC"})
      all.push_back(query(sql));
    return all;
  }

  static std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
  }

  std::int64_t next_us_ = kNoon;
  std::mt19937 random_{7};
};

TEST_F(ArchiveTest, WhatIsArchivedReadsAsBefore) {
  record(3300, 3);
  const auto before = seen();
  EXPECT_NE(before[0], "");
  history_.set_retention(kSettings);
  maintain_all(next_us_);
  EXPECT_EQ(query("SELECT scan_id FROM archived"), "2879\n") << "of later blocks not all is an hour old";
  EXPECT_EQ(query("SELECT min(scan_id) FROM main.sample"), "2880\n");
  EXPECT_EQ(query("SELECT count(*) FROM archive_chunk"), "6\n");
  const auto after = seen();
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i], before[i]) << i;
  EXPECT_EQ(
      query("SELECT count(*) FROM all_samples a JOIN scan s ON s.scan_id = a.scan_id AND s.started_at_us = a.at_us "
            "WHERE at_us >= " +
            std::to_string(kNoon + kHour) + " AND at_us < " + std::to_string(kNoon + 2 * kHour)),
      query("SELECT count(*) FROM sample JOIN scan USING (scan_id) WHERE started_at_us >= " +
            std::to_string(kNoon + kHour) + " AND started_at_us < " + std::to_string(kNoon + 2 * kHour)));
  EXPECT_EQ(query("SELECT max(scan_id) FROM sample_archive"), "2879\n");
}

TEST_F(ArchiveTest, NoSampleIsThereTwiceOrNotAtAllAfterAnySlice) {
  record(1900, 12);
  history_.set_retention({});
  maintain_all(next_us_);
  const std::string before = query("SELECT count(*), sum(scan_id), sum(pgfault), sum(usage_kib) FROM sample");
  history_.set_retention(kSettings);
  int slices = 0;
  for (; history_.maintain_slice(next_us_); ++slices)
    EXPECT_EQ(query("SELECT count(*), sum(scan_id), sum(pgfault), sum(usage_kib) FROM sample"), before) << slices;
  EXPECT_GT(slices, 3);
  EXPECT_EQ(query("SELECT count(*) FROM main.sample WHERE scan_id <= 1439"), "0\n");
}

TEST_F(ArchiveTest, ABlockThatWasInterruptedIsGoneOnWith) {
  record(1900, 12);
  history_.set_retention({});
  maintain_all(next_us_);
  const std::string before = query("SELECT * FROM sample");
  history_.set_retention(kSettings);
  ASSERT_TRUE(history_.maintain_slice(next_us_));
  ASSERT_EQ(query("SELECT count(*) FROM archived"), "0\n");
  const std::string first = query("SELECT count(*), max(chunk_id) FROM archive_chunk");
  {
    History again(file());
    again.set_retention(kSettings);
    while (again.maintain_slice(next_us_)) {
    }
  }
  EXPECT_NE(query("SELECT count(*), max(chunk_id) FROM archive_chunk"), first);
  EXPECT_EQ(query("SELECT count(*), count(DISTINCT cgroup_id) FROM archive_chunk"), "12|12\n");
  EXPECT_EQ(query("SELECT * FROM sample"), before);
}

TEST_F(ArchiveTest, OldChunksGoAndThoseAroundAKillStay) {
  record(300);
  store(history_,
        core::CountedOomKills{.id = {"/1", 1}, .since_at_us = next_us_ - 10 * kSecond, .at_us = next_us_, .count = 1});
  const std::int64_t killed_us = next_us_;
  record(3200);
  auto settings = kSettings;
  settings.samples_us = 30 * kDay;
  history_.set_retention(settings);
  maintain_all(next_us_);
  const std::string around = " FROM sample s JOIN scan USING (scan_id) WHERE started_at_us BETWEEN " +
                             std::to_string(killed_us - 30 * kMinute) + " AND " +
                             std::to_string(killed_us + 5 * kMinute);
  const std::string before = query("SELECT s.*" + around);
  ASSERT_EQ(query("SELECT count(*) FROM oom_kill WHERE keeps_samples"), "1\n");
  const std::int64_t later_us = next_us_ + 30 * kDay + kHour;
  record(3);
  next_us_ = later_us;
  record(3);
  maintain_all(later_us);
  next_us_ += kDay;
  record(1);
  maintain_all(next_us_);
  EXPECT_EQ(query("SELECT s.*" + around), before);
  EXPECT_EQ(query("SELECT count(*) FROM archive_chunk WHERE block > 0 AND last_at_us < " +
                  std::to_string(next_us_ - 31 * kDay)),
            "0\n");
  EXPECT_EQ(query("SELECT count(*)" + around), query("SELECT sum(sample_count) FROM archive_chunk WHERE block = 0"));
}

TEST_F(ArchiveTest, WhereThereIsNoRoomTheOldestChunksGoFirst) {
  constexpr std::int64_t kMaxBytes = 3 << 20;
  auto settings = kSettings;
  settings.max_size_bytes = kMaxBytes;
  history_.set_retention(settings);
  history_.begin_run(kNoon, "");
  std::int64_t most_bytes = 0;
  for (int i = 0; i < 8000; ++i) {
    record(1, 12);
    history_.maintain(next_us_);
    most_bytes = std::max(most_bytes, static_cast<std::int64_t>(std::filesystem::file_size(file())));
  }
  EXPECT_LE(most_bytes, kMaxBytes);
  EXPECT_EQ(query("SELECT min(block) > 0 FROM archive_chunk"), "1\n");
  EXPECT_EQ(query("SELECT count(*) > 0 FROM archive_chunk"), "1\n");
  // Nothing is missing from the first sample that is left on.
  EXPECT_EQ(query("SELECT count(DISTINCT scan_id) = max(scan_id) - min(scan_id) + 1 FROM sample"), "1\n");
  EXPECT_EQ(query("SELECT max(scan_id) FROM sample"), query("SELECT max(scan_id) FROM scan"));
}

TEST_F(ArchiveTest, ADamagedChunkCostsThatChunk) {
  record(2000);
  history_.set_retention(kSettings);
  maintain_all(next_us_);
  const std::string others = query("SELECT * FROM sample WHERE cgroup_id <> 2 OR scan_id > 1439");
  SQLite::Database(file().string(), SQLite::OPEN_READWRITE)
      .exec("UPDATE archive_chunk SET data = substr(data, 1, 40) || x'00' || substr(data, 42) WHERE cgroup_id = 2");
  EXPECT_EQ(query("SELECT * FROM sample"), others);
  EXPECT_EQ(query("SELECT count(*) FROM sample WHERE cgroup_id = 2 AND scan_id <= 1439"), "0\n");
  EXPECT_GE(damaged_chunks().count, 1U);
  EXPECT_TRUE(damaged_chunks().first.starts_with("cgroup_id 2, block ")) << damaged_chunks().first;
}

TEST_F(ArchiveTest, NoChunkOfABlockThatIsNotCompleteIsDropped) {
  record(1900, 12);
  history_.set_retention({});
  maintain_all(next_us_);
  const std::string before = query("SELECT count(*), sum(pgfault) FROM sample");
  history_.set_retention(kSettings);
  ASSERT_TRUE(history_.maintain_slice(next_us_));
  ASSERT_EQ(query("SELECT count(*) FROM archived"), "0\n");
  ASSERT_NE(query("SELECT count(*) FROM archive_chunk"), "0\n");
  // Its samples would be old enough: their times say so.
  SQLite::Database(file().string(), SQLite::OPEN_READWRITE)
      .exec("UPDATE archive_chunk SET last_at_us = 1, first_at_us = 1");
  while (history_.maintain_slice(next_us_)) {
  }
  EXPECT_EQ(query("SELECT scan_id FROM archived"), "1439\n");
  EXPECT_EQ(query("SELECT count(*), sum(pgfault) FROM sample"), before);
}

TEST_F(ArchiveTest, ChunksThatWillNeverBeCompleteGoOnceTheirSamplesAreGone) {
  record(1900, 12);
  history_.set_retention({});
  maintain_all(next_us_);
  history_.set_retention(kSettings);
  ASSERT_TRUE(history_.maintain_slice(next_us_));
  ASSERT_NE(query("SELECT count(*) FROM archive_chunk"), "0\n");
  auto settings = kSettings;
  settings.archive = false;
  settings.samples_us = kHour;
  history_.set_retention(settings);
  record(1);
  maintain_all(next_us_);
  EXPECT_EQ(query("SELECT count(*) FROM archive_chunk"), "0\n");
}

TEST_F(ArchiveTest, AnHourThatComesTwiceIsTheSumOfBoth) {
  record(1900, 2);
  history_.set_retention(kSettings);
  maintain_all(next_us_);
  ASSERT_EQ(query("SELECT min(scan_id) FROM main.sample"), "1440\n");
  next_us_ = kNoon + kHour;  // the clock is set back
  record(400, 2);
  maintain_all(next_us_);
  const std::string hour = std::to_string(kNoon + kHour);
  EXPECT_EQ(
      query("SELECT cgroup_id, sample_count, pgfault, usage_max_kib, usage_avg_kib FROM sample_hour WHERE hour_at_us "
            "= " +
            hour + " ORDER BY 1"),
      query("SELECT cgroup_id, count(*), sum(pgfault), max(usage_kib), CAST(avg(usage_kib) AS INTEGER) FROM sample "
            "JOIN scan USING (scan_id) WHERE started_at_us >= " +
            hour + " AND started_at_us < " + hour + " + 3600000000 GROUP BY 1 ORDER BY 1"));
  EXPECT_EQ(query("SELECT count(*) > 650 FROM sample JOIN scan USING (scan_id) WHERE cgroup_id = 1 AND started_at_us "
                  "BETWEEN " +
                  hour + " AND " + hour + " + 3599999999"),
            "1\n");
  EXPECT_EQ(
      query("SELECT count(*), count(DISTINCT scan_id) FROM all_samples WHERE cgroup_id = 1 AND at_us BETWEEN " + hour +
            " AND " + hour + " + 3599999999"),
      query("SELECT count(*), count(DISTINCT scan_id) FROM sample JOIN scan USING (scan_id) WHERE cgroup_id = 1 AND "
            "started_at_us BETWEEN " +
            hour + " AND " + hour + " + 3599999999"));
}

TEST_F(ArchiveTest, SamplesWhoseScansAreLostAreMissingAndTold) {
  record(1900, 2);
  history_.set_retention(kSettings);
  maintain_all(next_us_);
  SQLite::Database(file().string(), SQLite::OPEN_READWRITE).exec("DELETE FROM scan WHERE scan_id BETWEEN 100 AND 200");
  EXPECT_EQ(query("SELECT count(*) FROM sample WHERE scan_id BETWEEN 100 AND 200"), "0\n");
  EXPECT_EQ(query("SELECT count(*) FROM all_samples WHERE at_us IS NULL"), "0\n");
  EXPECT_EQ(query("SELECT count(*) FROM sample"), query("SELECT count(*) FROM sample JOIN scan USING (scan_id)"));
  EXPECT_GE(damaged_chunks().count, 2U);
}

TEST_F(ArchiveTest, ScansGoInBoundedSlicesAndThoseOfTheArchiveStay) {
  SQLite::Database database(file().string(), SQLite::OPEN_READWRITE);
  // The blocks 1 and 3 have chunks. All of block 4 has the same instant.
  database.exec(
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) INSERT INTO scan (scan_id, "
      "started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) SELECT i, min(i, 5760) * 1000000, "
      "1, "
      "1, 0, 0, 1 FROM n;"
      "INSERT INTO archive_chunk (block, cgroup_id, first_scan_id, last_scan_id, sample_count, data) VALUES (1, 1, "
      "1440, "
      "1440, 1, x''), (3, 1, 4320, 4320, 1, x'')");
  Statements sql(database);
  Position position;
  std::int64_t before = 8000;
  int slices = 0;
  for (; drop_scans(sql, INT64_MAX, position) && slices < 100; ++slices) {
    const std::int64_t now = *sql.number("SELECT count(*) FROM scan");
    EXPECT_LE(before - now, 500);
    before = now;
  }
  EXPECT_LT(slices, 20);
  EXPECT_EQ(query("SELECT count(*), sum(scan_id / 1440 IN (1, 3)), max(scan_id) FROM scan"), "2881|2880|8000\n");
}

TEST_F(ArchiveTest, TheFirstFullScanOfAnHourIsOneRow) {
  constexpr auto kInstants = "SELECT scan_id, cgroup_block FROM archive_instant";
  constexpr auto kOne = "SELECT * FROM sample WHERE scan_id = 780";
  record(420, 12);
  core::Scan partial{.started_at_us = next_us_, .interval_us = kSecond, .is_partial = true};
  partial.rows.push_back({.cgroup = test::tracked(1, {"/1", 1})});
  store(history_, partial);
  next_us_ += kSecond;
  record(359 + 301, 12);
  record(1, 1700);  // the first after 15:00
  record(800, 12);
  const std::string before = query(kOne), of_one = query("SELECT * FROM sample WHERE scan_id = 1141 AND cgroup_id = 7");
  history_.set_retention(kSettings);
  maintain_all(next_us_);
  ASSERT_EQ(query("SELECT scan_id FROM archived"), "1439\n");
  EXPECT_EQ(query("SELECT count(*) FROM archive_instant WHERE scan_id NOT IN (SELECT min(scan_id) FROM scan WHERE "
                  "is_partial IS NOT 1 GROUP BY started_at_us / 3600000000)"),
            "0\n");
  EXPECT_EQ(query("SELECT count(DISTINCT scan_id) FROM archive_instant"), "4\n") << query(kInstants);
  EXPECT_EQ(query("SELECT cgroup_block FROM archive_instant WHERE scan_id = 1082"), "0\n1\n") << query(kInstants);
  // Both ways to read them agree: a range of scans is read from the chunks.
  for (const std::string& scan : words(query("SELECT DISTINCT scan_id FROM archive_instant"))) {
    const std::string columns = "SELECT *, held_kib, reclaimable_cache_kib FROM sample WHERE scan_id ";
    EXPECT_EQ(query(columns + "= " + scan),
              query(columns + "BETWEEN " + scan + " AND " + scan + " + 1 AND +scan_id = " + scan));
    EXPECT_EQ(query(columns + "= " + scan + " ORDER BY cgroup_id DESC LIMIT 5"),
              query("SELECT * FROM (" + columns + "BETWEEN " + scan + " AND " + scan +
                    " + 1) WHERE +scan_id = " + scan + " ORDER BY cgroup_id DESC LIMIT 5"));
  }
  EXPECT_EQ(query(kOne), before);
  EXPECT_EQ(query("SELECT * FROM sample WHERE scan_id = 1141 AND cgroup_id = 7"), of_one);
  // It is read: with the chunks gone, it still has them. A damaged one has none, and nothing is missing.
  const std::string scan = words(query("SELECT min(scan_id) FROM archive_instant")).front();
  const std::string all = query("SELECT * FROM sample WHERE scan_id = " + scan);
  SQLite::Database database(file().string(), SQLite::OPEN_READWRITE);
  database.exec(
      "CREATE TABLE aside AS SELECT * FROM archive_chunk WHERE cgroup_id > 3; DELETE FROM archive_chunk WHERE "
      "cgroup_id > 3");
  EXPECT_EQ(query("SELECT * FROM sample WHERE scan_id = " + scan), all);
  database.exec(
      "INSERT INTO archive_chunk SELECT * FROM aside; DROP TABLE aside; UPDATE archive_instant SET data = substr(data, "
      "1, 40) || x'00' || substr(data, 42)");
  const std::size_t damaged = damaged_chunks().count;
  EXPECT_EQ(query("SELECT * FROM sample WHERE scan_id = " + scan), all);
  EXPECT_EQ(damaged_chunks().count, damaged);
}

TEST_F(ArchiveTest, RareScansHaveNoInstants) {
  for (int i = 0; i < 1600; ++i, next_us_ += 2 * kMinute)
    store(history_, core::Scan{.started_at_us = next_us_, .rows = {{.cgroup = test::tracked(1, {"/1", 1})}}});
  history_.set_retention(kSettings);
  maintain_all(next_us_);
  ASSERT_EQ(query("SELECT scan_id FROM archived"), "1439\n");
  EXPECT_EQ(query("SELECT count(*) FROM archive_instant"), "0\n");
}

TEST_F(ArchiveTest, InstantsGoBeforeTheChunksDo) {
  record(3300);
  history_.set_retention(kSettings);
  maintain_all(next_us_);
  ASSERT_NE(query("SELECT count(*) FROM archive_instant WHERE scan_id < 1440"), "0\n");
  auto settings = kSettings;
  settings.samples_us = 30 * kDay;
  history_.set_retention(settings);
  for (int day = 0; day < 3; ++day) {
    next_us_ += day == 0 ? 31 * kDay : kDay;
    record(3);
    maintain_all(next_us_);
    EXPECT_EQ(query("SELECT count(*) FROM archive_instant i WHERE NOT EXISTS (SELECT 1 FROM archive_chunk WHERE "
                    "block = i.scan_id / 1440)"),
              "0\n");
  }
  EXPECT_EQ(query("SELECT count(*) FROM archive_chunk WHERE block < 2"), "0\n");
  EXPECT_EQ(query("SELECT count(*) FROM archive_instant WHERE scan_id < 2880"), "0\n");
}

TEST_F(ArchiveTest, InstantsOfACgroupThatIsDroppedGo) {
  record(1900);
  history_.set_retention(kSettings);
  maintain_all(next_us_);
  SQLite::Database database(file().string(), SQLite::OPEN_READWRITE);
  Statements sql(database);
  const std::string all = query("SELECT count(*) FROM archive_instant");
  drop_instants_of_cgroup(sql, 3, next_us_, next_us_ + kDay);
  drop_instants_of_cgroup(sql, 1440, 0, INT64_MAX);
  EXPECT_EQ(query("SELECT count(*) FROM archive_instant"), all) << "they lived at another time";
  drop_instants_of_cgroup(sql, 3, 0, INT64_MAX);
  EXPECT_EQ(query("SELECT count(*) FROM archive_instant"), "0\n");
}

TEST_F(ArchiveTest, EveryColumnOfSampleHasItsPlace) {
  std::string names = "scan_id\ncgroup_id\n";
  for (const std::string_view name : archive::kColumns) names += std::string(name) + "\n";
  EXPECT_EQ(query("SELECT name FROM pragma_table_info('sample', 'main')"), names);
  record(2000, 1);
  history_.set_retention(kSettings);
  maintain_all(next_us_);
  EXPECT_EQ(query("SELECT name FROM pragma_table_info('sample')"),
            query("SELECT name FROM pragma_table_xinfo('sample', 'main')"));
}

}  // namespace
}  // namespace cgmm::store
