// SPDX-License-Identifier: Apache-2.0
#pragma once

// The table `sample_hour`: every hour that is over, a row a cgroup, made of its samples. In slices, so that no
// transaction is long, and in chunks of cgroups, so that memory stays small whatever the number of cgroups. Only the
// end of an hour is put on record (table `rolled_up`), so what a crash or a rollback interrupts is begun again, with
// the same result; an hour that comes twice, because the clock was set back, is made anew of all its scans. Used by the
// thread that owns the connection, inside a transaction.

#include <SQLiteCpp/Statement.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "core/sample.hpp"

struct sqlite3_context;
struct sqlite3_value;

namespace cgmm::store {

class RollUp {
 public:
  explicit RollUp(SQLite::Database& database);
  RollUp(const RollUp&) = delete;
  RollUp& operator=(const RollUp&) = delete;

  /// One slice; false when there was nothing to do: every hour that is over at `now_us` is rolled up.
  bool work(std::int64_t now_us);

  /// Samples of the scans up to this one are in sample_hour; 0: none are.
  std::int64_t reaches_scan_id();

  /// The transaction was rolled back.
  void undo() { hour_.reset(); }

 private:
  /// One cgroup's hour so far.
  struct Sums {
    std::int64_t cgroup_id = 0;
    std::int64_t sample_count = 0;  // of scans of all cgroups: averages are theirs
    std::array<std::int64_t, core::Gauges::kSize> total_kib{};
    std::array<std::int64_t, core::Gauges::kSize> max_kib{};
    std::array<std::int32_t, core::Gauges::kSize> total_count{};  // values in total_kib
    std::array<std::int64_t, core::Counters::kSize> increase{};
    std::uint32_t has_gauge = 0;  // bits: some sample had a value
    std::uint32_t has_counter = 0;
  };
  struct Scan {
    std::int64_t scan_id = 0;
    bool is_partial = false;
  };
  struct Hour {
    std::int64_t began_at_us = 0;
    std::int64_t last_scan_id = 0;  // of the scans in a row that are rolled up with it
    std::vector<Scan> scans;
    std::size_t next_scan = 0;
    // The chunk of cgroups that is summed up now: ids over the first, up to the second.
    std::int64_t after_cgroup_id = 0;
    std::int64_t to_cgroup_id = kAll;
    std::vector<Sums> sums;     // by cgroup_id
    std::size_t next_sums = 0;  // to add to, for a scan's samples come by cgroup_id too; then to write
  };
  static constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

  bool find_hour(std::int64_t now_us);
  void forget_reach_of_lost_scans(std::int64_t reach);
  void read_slice(Hour& hour);
  void add(Hour& hour, const Scan& scan);
  static void add_sample(sqlite3_context* context, int count, sqlite3_value** values);
  void add_sample(Hour& hour, std::int64_t cgroup_id, sqlite3_value** values);
  void write_slice(Hour& hour);
  void finish_chunk(Hour& hour);

  std::optional<Hour> hour_;
  SQLite::Statement reaches_;
  SQLite::Statement last_scan_;
  SQLite::Statement next_scan_;
  SQLite::Statement first_outside_;
  SQLite::Statement scans_of_hour_;
  SQLite::Statement samples_;
  SQLite::Statement store_;
  SQLite::Statement forget_reach_;
  SQLite::Statement store_reach_;
  std::int64_t rows_read_ = 0;  // in this slice
  bool adds_partial_ = false;   // the scan that is added up now is a partial one
};

}  // namespace cgmm::store
