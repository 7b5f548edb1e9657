// SPDX-License-Identifier: Apache-2.0
#pragma once

// Deletes samples, scan by scan in the order in which they were recorded, whatever the clock read. Used by the thread
// that owns the connection, inside a transaction.

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>

namespace cgmm::store {

class OldSamples {
 public:
  explicit OldSamples(SQLite::Database& database);

  /// Which samples to delete.
  struct Which {
    std::int64_t before_us = 0;
    std::int64_t incidents_before_us = 0;  // samples around an OOM kill: those of kills before this
    std::int64_t to_scan_id = 0;           // samples of later scans stay
    bool makes_room = false;               // also those whose instant can't be right
  };
  /// One slice, from `after_scan_id` on, which moves past scans that stay. False when there was nothing to do.
  bool drop(const Which& which, std::int64_t& after_scan_id, std::int64_t now_us);

  /// The clock was set back to `now_us`: scans up to the last one that is ahead of it count as old when room is made.
  void note_clock_set_back(std::int64_t now_us);

 private:
  struct Scan {
    std::int64_t scan_id = 0;
    std::optional<std::int64_t> at_us;  // nullopt: the scan's row is lost
    bool is_partial = false;
    std::optional<std::int64_t> stays_until_us;  // it is around an OOM kill
  };
  std::optional<Scan> next_scan(std::int64_t after_scan_id, std::int64_t incidents_before_us);
  bool drop_slice_of(const Scan& scan, std::int64_t& dropped_count);

  SQLite::Database& database_;
  std::int64_t set_back_scan_id_ = 0;  // after this scan, or later, the clock was set back
  SQLite::Statement next_scan_;
  SQLite::Statement first_not_between_;
  SQLite::Statement last_scan_after_;
  SQLite::Statement last_of_slice_;
  SQLite::Statement drop_;
  SQLite::Statement drop_partial_scan_;
};

}  // namespace cgmm::store
