// SPDX-License-Identifier: Apache-2.0
#pragma once

// A history of an earlier version that a service has left behind: three days of twenty cgroups, a sample a minute. To
// be migrated, and with much to be rolled up and dropped.

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace cgmm::test {

inline constexpr std::int64_t kHourUs = 3'600'000'000;
inline constexpr int kOldHours = 72;
inline constexpr int kOldCgroups = 20;

/// It ends some hours before `now_us`. Every sample has the same numbers, so every hour has the same sums.
inline void make_old_history(const std::filesystem::path& file, std::int64_t now_us) {
  const std::int64_t begin_us = now_us - now_us % kHourUs - (kOldHours + 4) * kHourUs;
  SQLite::Database db(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  db.exec("PRAGMA auto_vacuum = INCREMENTAL");
  db.exec("PRAGMA application_id = " + std::to_string(0x63676d6d));
  db.exec("PRAGMA journal_mode = WAL");
  SQLite::Transaction transaction(db);
  for (const char* const migration : {"0001_history.sql", "0002_effects.sql", "0003_incidents.sql"}) {
    db.exec(content_of(std::filesystem::path{CGMM_SOURCE_DIR "/schema"} / migration));
  }
  db.exec("PRAGMA user_version = 3");
  const std::string begin = std::to_string(begin_us);
  const std::string numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ";
  db.exec("INSERT INTO service_event (at_us, kind) VALUES (" + begin + ", 'start')");
  db.exec(numbers + std::to_string(kOldCgroups) +
          ") INSERT INTO cgroup (path, inode, first_seen_at_us, last_seen_at_us) SELECT '/old-' || i, i + 1, " + begin +
          ", " + begin + " FROM n");
  db.exec("INSERT INTO cgroup_limit SELECT cgroup_id, " + begin + ", 104857600, 104857600, NULL FROM cgroup");
  db.exec(numbers + std::to_string(kOldHours * 60) +
          ") INSERT INTO scan (started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) SELECT " +
          begin + " + i * 60000000, 1000, " + std::to_string(kOldCgroups) + ", 0, 0, 60000000 FROM n");
  db.exec(
      "INSERT INTO sample (scan_id, cgroup_id, usage_kib, file_kib, pgfault) SELECT scan_id, cgroup_id, 1000, 500, 10 "
      "FROM scan, cgroup");
  db.exec(
      "INSERT INTO reclaim (cgroup_id, started_at_us, method, threshold_bytes, outcome) SELECT 1, started_at_us, "
      "'force_empty', 1, "
      "'done' FROM scan WHERE scan_id % 10 = 0");
  db.exec(
      "INSERT INTO reclaim_effect (reclaim_id, observed_for_us, verdict, ended_by) SELECT reclaim_id, 1, 'unknown', "
      "'stop' FROM reclaim");
  db.exec(
      "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, keeps_samples) SELECT 2, started_at_us, "
      "'counter', 'cgroup', 1 "
      "FROM scan WHERE scan_id % 1500 = 0");
  transaction.commit();
}

}  // namespace cgmm::test
