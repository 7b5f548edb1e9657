// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "store/age/old_rows.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kDroppedAtOnce = 4000;  // some milliseconds
constexpr int kScansAtOnce = 100;              // more than are dropped, for those around an OOM kill stay

struct Sampled {
  std::int64_t scan_id = 0;
  std::optional<std::int64_t> at_us;  // nullopt: the scan's row is lost
  bool is_partial = false;
  std::optional<std::int64_t> stays_until_us;  // it is around an OOM kill
};

/// Samples stay around an OOM kill from half an hour before it to five minutes after it.
std::optional<Sampled> next_scan(Statements& sql, std::int64_t after_scan_id, std::int64_t incidents_before_us) {
  Use next = sql.use(
      "SELECT sampled.scan_id, started_at_us, is_partial IS 1, "
      "  (SELECT max(killed_at_us) + 300000000 FROM oom_kill WHERE keeps_samples = 1 AND killed_at_us "
      "  BETWEEN max(started_at_us - 300000000, ?2) AND started_at_us + 1800000000) "
      "FROM (SELECT scan_id FROM sample WHERE scan_id > ?1 ORDER BY scan_id LIMIT 1) sampled "
      "LEFT JOIN scan ON scan.scan_id = sampled.scan_id",
      after_scan_id, incidents_before_us);
  if (!next.step()) return std::nullopt;
  return Sampled{next.integer(0), next.number(1), next.integer(2) != 0, next.number(3)};
}

/// Whether it was all that the scan had.
bool drop_slice_of(Statements& sql, const Sampled& scan, std::int64_t& dropped_count) {
  const auto slice_end =
      sql.number("SELECT cgroup_id FROM sample WHERE scan_id = ? ORDER BY cgroup_id LIMIT 1 OFFSET ?", scan.scan_id,
                 kDroppedAtOnce - 1);
  dropped_count += sql.execute("DELETE FROM sample WHERE scan_id = ?1 AND cgroup_id <= ?2", scan.scan_id,
                               slice_end.value_or(INT64_MAX));
  if (slice_end) return false;
  // Never the last one: its id would be used again.
  if (scan.is_partial)
    sql.execute("DELETE FROM scan WHERE scan_id = ? AND scan_id <> (SELECT max(scan_id) FROM scan)", scan.scan_id);
  return true;
}

}  // namespace

bool drop_samples(Statements& sql, const OldSamples& which, std::int64_t& after_scan_id) {
  std::int64_t dropped_count = 0;
  for (int looked = 0; looked < kScansAtOnce && dropped_count < kDroppedAtOnce; ++looked) {
    const auto scan = next_scan(sql, after_scan_id, which.incidents_before_us);
    if (!scan || scan->scan_id > which.to_scan_id) return dropped_count > 0;
    const std::int64_t at_us = scan->at_us.value_or(INT64_MIN);
    if (at_us >= which.before_us) {
      const bool is_ahead = at_us > which.now_us + (which.makes_room ? kAhead_us : 0);
      if (!is_ahead && (!which.makes_room || scan->scan_id > which.set_back_scan_id)) return dropped_count > 0;
      if (!which.makes_room) {  // its age is not known
        after_scan_id = scan->scan_id;
        continue;
      }
    }
    if (scan->stays_until_us) {
      const auto first_not_around = sql.number(
          "SELECT coalesce((SELECT scan_id FROM scan WHERE scan_id > ?1 AND NOT started_at_us BETWEEN ?2 AND ?3 "
          "ORDER BY scan_id LIMIT 1), (SELECT max(scan_id) + 1 FROM scan))",
          scan->scan_id, at_us, *scan->stays_until_us);
      after_scan_id = first_not_around.value_or(scan->scan_id + 1) - 1;
    } else if (drop_slice_of(sql, *scan, dropped_count)) {
      after_scan_id = scan->scan_id;
    }
  }
  return true;
}

}  // namespace cgmm::store
