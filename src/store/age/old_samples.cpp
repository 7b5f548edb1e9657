// SPDX-License-Identifier: Apache-2.0
#include "store/age/old_samples.hpp"

#include <algorithm>
#include <string>

#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kDroppedAtOnce = 4000;  // some milliseconds
constexpr int kScansAtOnce = 100;              // more than are dropped, for those around an OOM kill stay

/// A scan that is further ahead of the clock was recorded before the clock was set back.
constexpr std::int64_t kAheadUs = 3600LL * 1'000'000;

std::optional<std::int64_t> instant(const Use& row, int column) {
  const auto at_us = row.amount(column);
  return at_us ? std::optional(static_cast<std::int64_t>(*at_us)) : std::nullopt;
}

}  // namespace

OldSamples::OldSamples(SQLite::Database& database)
    : database_(database),
      // Samples stay around an OOM kill from half an hour before it to five minutes after it. The last column is until
      // when.
      next_scan_(database,
                 "SELECT sampled.scan_id, started_at_us, is_partial IS 1, "
                 "  (SELECT max(killed_at_us) + 300000000 FROM oom_kill WHERE keeps_samples = 1 AND killed_at_us "
                 "  BETWEEN max(started_at_us - 300000000, ?2) AND started_at_us + 1800000000) "
                 "FROM (SELECT scan_id FROM sample WHERE scan_id > ?1 ORDER BY scan_id LIMIT 1) sampled "
                 "LEFT JOIN scan ON scan.scan_id = sampled.scan_id"),
      first_not_between_(
          database,
          "SELECT coalesce((SELECT scan_id FROM scan WHERE scan_id > ?1 AND NOT started_at_us BETWEEN ?2 AND ?3 "
          "ORDER BY scan_id LIMIT 1), (SELECT max(scan_id) + 1 FROM scan))"),
      // The + makes SQLite use the index of times, instead of reading all scans.
      last_scan_after_(database, "SELECT coalesce(max(+scan_id), 0) FROM scan WHERE started_at_us > ?"),
      last_of_slice_(database, "SELECT cgroup_id FROM sample WHERE scan_id = ? ORDER BY cgroup_id LIMIT 1 OFFSET " +
                                   std::to_string(kDroppedAtOnce - 1)),
      drop_(database, "DELETE FROM sample WHERE scan_id = ?1 AND cgroup_id <= ?2"),
      // Never the last: its id would be given away again.
      drop_partial_scan_(database,
                         "DELETE FROM scan WHERE scan_id = ? AND scan_id <> (SELECT max(scan_id) FROM scan)") {}

void OldSamples::note_clock_set_back(std::int64_t now_us) {
  Use last(last_scan_after_, now_us + kAheadUs);
  last.step();
  set_back_scan_id_ = std::max(set_back_scan_id_, last.integer(0));
}

bool OldSamples::drop(const Which& which, std::int64_t& after_scan_id, std::int64_t now_us) {
  std::int64_t dropped_count = 0;
  for (int looked = 0; looked < kScansAtOnce && dropped_count < kDroppedAtOnce; ++looked) {
    const auto scan = next_scan(after_scan_id, which.incidents_before_us);
    if (!scan || scan->scan_id > which.to_scan_id) return dropped_count > 0;
    const std::int64_t at_us = scan->at_us.value_or(INT64_MIN);
    if (at_us >= which.before_us) {
      const bool is_ahead = at_us > now_us + (which.makes_room ? kAheadUs : 0);
      if (!is_ahead && (!which.makes_room || scan->scan_id > set_back_scan_id_)) return dropped_count > 0;
      if (!which.makes_room) {  // its age is not known
        after_scan_id = scan->scan_id;
        continue;
      }
    }
    if (scan->stays_until_us) {
      Use next(first_not_between_, scan->scan_id, at_us, *scan->stays_until_us);
      next.step();
      after_scan_id = next.integer(0) - 1;
    } else if (drop_slice_of(*scan, dropped_count)) {
      after_scan_id = scan->scan_id;
    }
  }
  return true;
}

std::optional<OldSamples::Scan> OldSamples::next_scan(std::int64_t after_scan_id, std::int64_t incidents_before_us) {
  Use next(next_scan_, after_scan_id, incidents_before_us);
  if (!next.step()) return std::nullopt;
  return Scan{next.integer(0), instant(next, 1), next.integer(2) != 0, instant(next, 3)};
}

/// Whether it was all that the scan had.
bool OldSamples::drop_slice_of(const Scan& scan, std::int64_t& dropped_count) {
  std::optional<std::int64_t> slice_end;
  {
    Use end(last_of_slice_, scan.scan_id);
    if (end.step()) slice_end = end.integer(0);
  }
  execute(drop_, scan.scan_id, slice_end.value_or(INT64_MAX));
  dropped_count += database_.getChanges();
  if (slice_end) return false;
  if (scan.is_partial) execute(drop_partial_scan_, scan.scan_id);
  return true;
}

}  // namespace cgmm::store
