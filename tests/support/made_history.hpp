// SPDX-License-Identifier: Apache-2.0
#pragma once

// A history in memory, on the schema as it is released, that a test fills by hand.

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/table.hpp"
#include "store/read/grouped.hpp"

namespace cgmm::test {

class MadeHistory {
 public:
  MadeHistory() {
    store::add_grouped(database_.getHandle());
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(CGMM_SOURCE_DIR "/schema")) {
      if (entry.path().extension() == ".sql") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const auto& file : files) {
      std::stringstream text;
      text << std::ifstream(file).rdbuf();
      exec(text.str());
    }
  }

  void exec(const std::string& sql) { database_.exec(sql); }

  void add_cgroup(int id, const std::string& path, const std::string& workload, std::int64_t limit_bytes) {
    SQLite::Statement insert(database_,
                             "INSERT INTO cgroup (cgroup_id, path, inode, first_seen_at_us, last_seen_at_us, workload) "
                             "VALUES (?1, ?2, ?1, 1, 1, nullif(?3, ''))");
    insert.bind(1, id);
    insert.bind(2, path);
    insert.bind(3, workload);
    insert.exec();
    exec("INSERT INTO cgroup_limit VALUES (" + std::to_string(id) + ", 1, " + std::to_string(limit_bytes) + ", " +
         std::to_string(limit_bytes) + ", NULL)");
  }

  void add_scan(std::int64_t at_us, bool is_partial = false) {
    exec(
        "INSERT INTO scan (scan_id, started_at_us, duration_us, cgroup_count, error_count, late_us, "
        "interval_us, "
        "is_partial) VALUES (" +
        std::to_string(at_us) + ", " + std::to_string(at_us) + ", 1000, 1, 0, 0, 10000000, " +
        (is_partial ? "1" : "NULL") + ")");
  }

  /// Of the scan at `at_us`.
  void add_sample(std::int64_t at_us, int cgroup_id, std::int64_t usage_kib, std::int64_t file_kib = 0,
                  std::int64_t shmem_kib = 0) {
    exec(
        "INSERT INTO sample (scan_id, cgroup_id, usage_kib, anon_kib, file_kib, shmem_kib, kernel_kib) "
        "VALUES (" +
        std::to_string(at_us) + ", " + std::to_string(cgroup_id) + ", " + std::to_string(usage_kib) + ", " +
        std::to_string(usage_kib - file_kib) + ", " + std::to_string(file_kib) + ", " + std::to_string(shmem_kib) +
        ", 0)");
  }

  void add_kill(int cgroup_id, std::int64_t at_us, const std::string& cause = "anon_growth",
                const std::string& victim = "python3") {
    exec("INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, cause) VALUES (nullif(" +
         std::to_string(cgroup_id) + ", 0), " + std::to_string(at_us) + ", 'kernel_log', 'cgroup', '" + victim +
         "', '" + cause + "')");
  }

  /// As the service does it: the hours that ended by `until_us` go into sample_hour. The samples stay.
  void roll_up(std::int64_t until_us) {
    const std::string until = std::to_string(until_us / 3'600'000'000 * 3'600'000'000);
    std::string columns = "hour_at_us, cgroup_id, sample_count";
    std::string values = "started_at_us / 3600000000 * 3600000000, cgroup_id, sum(is_partial IS NOT 1)";
    for (const std::string gauge : {"usage", "anon", "file", "shmem", "inactive_file", "active_file"}) {
      columns += ", " + gauge + "_avg_kib, " + gauge + "_max_kib";
      values += ", CAST(avg(" + gauge + "_kib) FILTER (WHERE is_partial IS NOT 1) AS INTEGER), max(" + gauge + "_kib)";
    }
    for (const std::string counter : {"pgmajfault", "refault_file", "psi_some_us"}) {
      columns += ", " + counter;
      values += ", sum(" + counter + ")";
    }
    exec("INSERT INTO sample_hour (" + columns + ", peak_max_kib) SELECT " + values +
         ", max(peak_kib) FROM scan JOIN sample USING (scan_id) WHERE started_at_us < " + until +
         " GROUP BY started_at_us / 3600000000, cgroup_id");
    exec("DELETE FROM rolled_up");
    exec("INSERT INTO rolled_up SELECT max(scan_id) FROM scan WHERE started_at_us < " + until);
  }

  /// Of `parameters` those are bound that it has.
  core::Table run(const std::string& sql, const core::Parameters& parameters = {}) {
    SQLite::Statement query(database_, sql);
    for (const auto& [name, value] : parameters) {
      if (sql.find(":" + name) == std::string::npos) continue;
      if (const auto* number = std::get_if<std::int64_t>(&value)) query.bind(":" + name, *number);
      if (const auto* text = std::get_if<std::string>(&value)) query.bind(":" + name, *text);
    }
    core::Table table;
    for (int i = 0; i < query.getColumnCount(); ++i) table.columns.emplace_back(query.getColumnName(i));
    while (query.executeStep()) {
      auto& row = table.rows.emplace_back();
      for (int i = 0; i < query.getColumnCount(); ++i) row.push_back(cell_of(query.getColumn(i)));
    }
    return table;
  }

 private:
  static core::Cell cell_of(const SQLite::Column& column) {
    if (column.isInteger()) return column.getInt64();
    if (column.isFloat()) return column.getDouble();
    if (column.isNull()) return {};
    return column.getString();
  }

  SQLite::Database database_{":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
};

}  // namespace cgmm::test
