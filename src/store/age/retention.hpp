// SPDX-License-Identifier: Apache-2.0
#pragma once

// Keeps the file inside its bounds: rolls hours up, deletes what is too old, makes room before the file would outgrow
// its size, and gives free pages back to the file system. All in slices of a few thousand rows, each a transaction.
// A clock that is behind makes nothing old. One that has leapt forward makes things old only once it has been on record
// for a day. Room is made in the order in which scans were recorded, whatever the clock read.

#include <cstdint>

#include "core/records.hpp"
#include "store/age/old_rows.hpp"
#include "store/age/roll_up.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

class Retention {
 public:
  explicit Retention(Statements& sql);

  void set_bounds(const core::RetentionSettings& bounds);

  /// Does one slice. False: there was nothing to do at `now_us`.
  bool work(std::int64_t now_us);
  /// The transaction was rolled back.
  void undo();

  /// The database with all that is in its WAL.
  std::int64_t file_bytes() { return pages_bytes("PRAGMA page_count"); }
  /// More is used than may be: work() deletes what is younger than the bounds say.
  bool is_over_size();
  /// Room that the next transactions need, if that is more than the usual reserve.
  void reserve(std::int64_t bytes) { reserved_bytes_ = bytes; }

 private:
  void follow_clock(std::int64_t now_us);
  bool is_clock_believed(std::int64_t now_us);
  bool drop_old(std::int64_t now_us);
  bool make_room(std::int64_t now_us);
  bool give_back_pages();
  std::int64_t free_bytes() { return pages_bytes("PRAGMA freelist_count"); }
  std::int64_t pages_bytes(const char* pragma);
  /// Of max_size: the rest is for the WAL.
  std::int64_t file_share_bytes() const;

  Statements& sql_;
  core::RetentionSettings bounds_;
  RollUp roll_up_;
  std::int64_t page_bytes_;
  std::int64_t reserved_bytes_ = 0;
  Position by_age_;  // set back now and then, for incidents get old
  Position for_room_;
  std::int64_t positions_set_back_at_us_ = 0;
  std::int64_t worked_at_us_ = INT64_MAX;
  std::int64_t set_back_scan_id_ = 0;  // after this scan, or later, the clock was set back
};

}  // namespace cgmm::store
