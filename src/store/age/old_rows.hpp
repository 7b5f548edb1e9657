// SPDX-License-Identifier: Apache-2.0
#pragma once

// Deletes rows of all tables but `sample`, by their age. Each function does one slice of some hundred rows, and returns
// false when there was nothing to do. Used by the thread that owns the connection, inside a transaction.

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>

namespace cgmm::store {

class OldRows {
 public:
  explicit OldRows(SQLite::Database& database);

  /// How far tables have been looked through in which rows stay although they are old enough.
  struct Position {
    std::int64_t scans_us = 0;
    std::int64_t limits_us = 0;         // and of that instant
    std::int64_t limits_cgroup_id = 0;  // up to this one
  };

  bool drop_hours(std::int64_t before_us);
  /// Reclaims with their effects, OOM kills, service events, limits.
  bool drop_events(std::int64_t before_us, Position& position);
  /// Those that ended, and of which nothing else tells any more.
  bool drop_cgroups(std::int64_t before_us);
  /// Those without samples.
  bool drop_scans(std::int64_t before_us, Position& position);

 private:
  bool drop_limits(std::int64_t before_us, Position& position);
  bool drop_slice(SQLite::Statement& statement, std::int64_t before_us);

  SQLite::Database& database_;
  SQLite::Statement drop_hours_;
  SQLite::Statement drop_effects_;
  SQLite::Statement drop_reclaims_;
  SQLite::Statement drop_kills_;
  SQLite::Statement drop_service_events_;
  SQLite::Statement limits_from_;
  SQLite::Statement drop_limits_;
  SQLite::Statement earliest_reference_;
  SQLite::Statement drop_cgroup_limits_;
  SQLite::Statement drop_cgroup_cooldowns_;
  SQLite::Statement drop_cgroups_;
  SQLite::Statement scans_from_;
  SQLite::Statement drop_scans_;
};

}  // namespace cgmm::store
