// SPDX-License-Identifier: Apache-2.0
#pragma once

// Deletes old rows. Each function does one slice of some hundred or thousand rows inside a transaction, and returns
// false when there was nothing to do.

#include <cstdint>

#include "base/time.hpp"
#include "store/statement.hpp"
#include "store/write/changes.hpp"

namespace cgmm::store {

/// How far tables have been looked through in which rows stay although they are old enough.
struct Position {
  std::int64_t sampled_scan_id = 0;
  std::int64_t scans_us = 0;          // and of that instant
  std::int64_t scans_scan_id = 0;     // up to this one
  std::int64_t limits_us = 0;         // and of that instant
  std::int64_t limits_cgroup_id = 0;  // up to this one
};

/// A scan that is further ahead of the clock was recorded before the clock was set back.
inline constexpr std::int64_t kAhead_us = base::kHour_us;

/// Which samples to delete.
struct OldSamples {
  std::int64_t now_us = 0;
  std::int64_t before_us = 0;
  std::int64_t incidents_before_us = 0;  // samples around an OOM kill: those of kills before this
  std::int64_t to_scan_id = INT64_MAX;   // samples of later scans stay
  bool makes_room = false;               // also those whose instant can't be right,
  std::int64_t set_back_scan_id = 0;     // and all up to the scan after which the clock was set back
};
/// Scan by scan in the order in which they were recorded, whatever the clock read.
bool drop_samples(Statements& sql, const OldSamples& which, std::int64_t& after_scan_id);

bool drop_hours(Statements& sql, std::int64_t before_us);
/// Reclaims with their effects, OOM kills, service events, limits.
bool drop_events(Statements& sql, Changes& changes, std::int64_t before_us, Position& position);
/// Those that ended, and of which nothing else tells any more.
bool drop_cgroups(Statements& sql, std::int64_t before_us);
/// Those without samples, and without chunks in their block.
bool drop_scans(Statements& sql, std::int64_t before_us, Position& position);

}  // namespace cgmm::store
