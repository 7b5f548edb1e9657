// SPDX-License-Identifier: Apache-2.0
#pragma once

// Keeps the file inside its bounds: rolls hours up, drops what is older than it is to be kept, makes room before the
// file would outgrow its size, and gives freed pages back to the file system. All in slices of a few thousand rows,
// each a transaction, so that nothing that is to be recorded waits long for one. Instants are what the wall clock read.
// A clock that is behind makes nothing old. One that has leapt forth makes things old only once it has been on record
// for a day. Room is made by the order in which scans were recorded, whatever the clock read. Used by the thread that
// owns the connection, inside a transaction.

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>

#include "core/keep.hpp"
#include "store/roll_up.hpp"

namespace cgmm::store {

class Retention {
 public:
  explicit Retention(SQLite::Database& database);

  void keep(const core::Keep& keep);

  /// One slice; false when there was nothing to do at `now_us`.
  bool work(std::int64_t now_us);
  /// The transaction was rolled back.
  void undo();

  /// The database with all that is in its log, and the part of it that is used, in bytes.
  std::int64_t file_bytes();
  std::int64_t used_bytes();
  /// More is used than may be: work() drops what is younger than it was to be kept.
  bool is_over_size();
  /// What the next transactions need, where that is more than is kept free anyway.
  void reserve(std::int64_t bytes) { reserved_bytes_ = bytes; }

 private:
  /// How far the tables have been looked at, where rows stay that are old enough: what is behind has nothing left to
  /// drop.
  struct Looked {
    std::int64_t sampled_scan_id = 0;
    std::int64_t scans_us = 0;
    std::int64_t limits_us = 0;         // and of that instant
    std::int64_t limits_cgroup_id = 0;  // up to this one
    std::int64_t cooldowns_cgroup_id = 0;
  };
  /// Which samples go.
  struct Samples {
    std::int64_t before_us = 0;
    std::int64_t incidents_before_us = 0;  // those around an OOM kill: of kills before
    bool makes_room = false;               // before they are rolled up, and also where their instant can't be right
  };

  void look_anew(std::int64_t now_us);
  bool is_clock_believed(std::int64_t now_us);
  bool drop_samples(const Samples& which, std::int64_t& looked_at_scan_id);
  bool drop_stray_samples();
  bool drop_scans(std::int64_t before_us, Looked& looked);
  bool drop_hours(std::int64_t before_us);
  bool drop_events(std::int64_t before_us, Looked& looked);
  bool drop_limits(std::int64_t before_us, Looked& looked);
  bool drop_cgroups(std::int64_t before_us, Looked& looked);
  bool drop_cooldowns(std::int64_t before_us, Looked& looked);
  bool drop_old(std::int64_t now_us);
  bool make_room(std::int64_t now_us);
  bool give_back_pages();
  bool execute_slice(SQLite::Statement& statement, std::int64_t before_us);
  std::int64_t earliest_reference_us();

  SQLite::Database& database_;
  RollUp roll_up_;
  core::Keep keep_;
  std::int64_t reserved_bytes_ = 0;
  std::int64_t page_bytes_;
  bool giving_back_ = false;

  Looked by_age_;
  Looked for_room_;
  std::int64_t looked_anew_at_us_ = 0;  // now and then, for pins end
  std::int64_t worked_at_us_ = INT64_MAX;
  std::int64_t set_back_scan_id_ = 0;  // after it, or later, the clock was set back
  std::int64_t pass_began_at_us_ = 0;  // over the tables without samples
  int pass_step_ = 0;

  SQLite::Statement next_sampled_scan_;
  SQLite::Statement first_not_between_;
  SQLite::Statement last_scan_;
  SQLite::Statement last_scan_after_;
  SQLite::Statement newest_scan_before_;
  SQLite::Statement last_of_slice_;
  SQLite::Statement drop_samples_;
  SQLite::Statement drop_partial_scan_;
  SQLite::Statement scans_from_;
  SQLite::Statement drop_scans_;
  SQLite::Statement drop_hours_;
  SQLite::Statement drop_effects_;
  SQLite::Statement drop_reclaims_;
  SQLite::Statement drop_kills_;
  SQLite::Statement drop_service_events_;
  SQLite::Statement limits_from_;
  SQLite::Statement drop_limits_;
  SQLite::Statement cooldowns_from_;
  SQLite::Statement drop_cooldowns_;
  SQLite::Statement drop_cgroup_limits_;
  SQLite::Statement drop_cgroup_cooldowns_;
  SQLite::Statement drop_cgroups_;
  SQLite::Statement earliest_reference_;
  SQLite::Statement page_count_;
  SQLite::Statement freelist_count_;
};

}  // namespace cgmm::store
