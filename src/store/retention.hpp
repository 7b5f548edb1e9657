// SPDX-License-Identifier: Apache-2.0
#pragma once

// Keeps the file inside its bounds: rolls hours up, drops what is older than it is to be kept, makes room before the file would
// outgrow its size, and gives freed pages back to the file system. All in slices of a few thousand rows, each a transaction,
// so that nothing that is to be recorded waits long for one.
// Used by the thread that owns the connection, inside a transaction.

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

 private:
  /// Before which instants what goes; 0: nothing does.
  bool drop_samples(std::int64_t before_us, std::int64_t incidents_before_us, bool rolled_up_only);
  bool drop_scans(std::int64_t before_us);
  bool drop_hours(std::int64_t before_us);
  bool drop_events(std::int64_t before_us);
  bool drop_cgroups(std::int64_t before_us);
  bool drop_old(std::int64_t now_us);
  bool make_room(std::int64_t now_us);
  bool give_back_pages();
  bool execute_slice(SQLite::Statement& statement, std::int64_t before_us);
  std::int64_t earliest_reference_us();

  SQLite::Database& database_;
  RollUp roll_up_;
  core::Keep keep_;
  std::int64_t page_bytes_;
  bool giving_back_ = false;

  // Of samples: up to this scan nothing is left to drop; looked at anew now and then, for pins end.
  std::int64_t looked_at_scan_id_ = 0;
  std::int64_t looked_anew_at_us_ = 0;
  std::int64_t pass_began_at_us_ = 0;    // over the other tables
  std::int64_t scans_looked_at_us_ = 0;  // in that pass
  int pass_step_ = 0;

  SQLite::Statement next_sampled_scan_;
  SQLite::Statement last_scan_until_;
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
  SQLite::Statement drop_limits_;
  SQLite::Statement drop_cooldowns_;
  SQLite::Statement drop_cgroup_limits_;
  SQLite::Statement drop_cgroup_cooldowns_;
  SQLite::Statement drop_cgroups_;
  SQLite::Statement earliest_reference_;
  SQLite::Statement page_count_;
  SQLite::Statement freelist_count_;
};

}  // namespace cgmm::store
