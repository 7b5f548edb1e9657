// SPDX-License-Identifier: Apache-2.0
#include "store/write/stuck_rows.hpp"

#include <algorithm>
#include <vector>

#include "base/time.hpp"

namespace cgmm::store {
namespace {

const Place* place_of(std::int64_t cgroup_id, std::span<const Place> places) {
  const auto found = std::ranges::lower_bound(places, cgroup_id, {}, &Place::cgroup_id);
  return found != places.end() && found->cgroup_id == cgroup_id ? &*found : nullptr;
}

const core::Standstill* stuck_of(const Place& place, const core::Scan& scan) {
  const auto found = std::ranges::find(scan.stuck, place.row->cgroup->key, &core::StuckCgroup::key);
  return found != scan.stuck.end() ? &found->stuck : nullptr;
}

std::optional<std::uint64_t> limit_of(const Place& place, core::StuckKind kind) {
  const core::Limits& limits = place.row->cgroup->limits;
  return kind == core::StuckKind::memory_high ? limits.high_bytes : limits.effective_limit_bytes;
}

}  // namespace

void StuckRows::follow(const core::Scan& scan, std::span<const Place> places) {
  std::vector<Open> all;
  for (Use row = sql_.use("SELECT stuck_id, cgroup_id, kind FROM stuck WHERE ended_by IS NULL ORDER BY cgroup_id");
       row.step();) {
    all.push_back({row.integer(0), row.integer(1), row.text(2)});
  }
  for (const Open& open : all) {
    const Place* const place = place_of(open.cgroup_id, places);
    follow(open, scan, place, place != nullptr ? stuck_of(*place, scan) : nullptr);
  }
  if (scan.stuck.empty()) return;
  for (const Place& place : places) {
    if (place.row->stuck != core::StuckState::yes) continue;
    const core::Standstill* const stuck = stuck_of(place, scan);
    const bool is_open = stuck == nullptr || std::ranges::any_of(all, [&](const Open& open) {
                           return open.cgroup_id == place.cgroup_id && open.kind == to_string(stuck->kind);
                         });
    if (!is_open) begin(place, *stuck, scan.started_at_us);
  }
}

void StuckRows::follow(const Open& open, const core::Scan& scan, const Place* place, const core::Standstill* stuck) {
  if (place == nullptr) {
    if (!scan.is_partial) end_if_gone(open);
    return;
  }
  const core::ScanRow& row = *place->row;
  const bool is_another = stuck != nullptr && to_string(stuck->kind) != open.kind;
  if (row.stuck == core::StuckState::no || is_another) return end(open.stuck_id, scan.started_at_us, "over");
  const bool is_so = stuck != nullptr;  // else it may be
  sql_.execute(
      "UPDATE stuck SET last_seen_at_us = coalesce(?2, last_seen_at_us), "
      "limit_bytes = iif(?3 > ifnull(usage_bytes, -1), ?6, limit_bytes), "
      "usage_bytes = max(coalesce(?3, usage_bytes), coalesce(usage_bytes, ?3)), "
      "high_events = high_events + ifnull(?4, 0), psi_full_us = psi_full_us + ifnull(?5, 0) WHERE stuck_id = ?1",
      open.stuck_id, is_so ? std::optional(scan.started_at_us) : std::nullopt,
      is_so ? row.gauges[core::Gauge::usage] : std::nullopt, row.increases[core::Counter::high_events],
      row.increases[core::Counter::psi_full_us], is_so ? limit_of(*place, stuck->kind) : std::nullopt);
}

void StuckRows::end(std::int64_t stuck_id, std::optional<std::int64_t> at_us, std::string_view ended_by) {
  sql_.execute("UPDATE stuck SET ended_at_us = ?2, ended_by = ?3 WHERE stuck_id = ?1", stuck_id, at_us, ended_by);
}

/// Not if it could not be read.
void StuckRows::end_if_gone(const Open& open) {
  std::optional<std::int64_t> at_us;
  bool is_gone = true;
  bool is_removed = false;
  if (Use row =
          sql_.use("SELECT vanished_at_us, vanished_by IS 'removed' FROM cgroup WHERE cgroup_id = ?", open.cgroup_id);
      row.step()) {
    at_us = row.number(0);
    is_gone = at_us.has_value();
    is_removed = row.integer(1) != 0;
  }
  if (is_gone) end(open.stuck_id, is_removed ? at_us : std::nullopt, is_removed ? "removed" : "unknown");
}

/// One that ended less than a minute ago goes on, if the limit is the same: one that comes and goes must not fill the
/// table.
void StuckRows::begin(const Place& place, const core::Standstill& stuck, std::int64_t at_us) {
  const std::int64_t is_same = sql_.execute(
      "UPDATE stuck SET ended_at_us = NULL, ended_by = NULL, last_seen_at_us = ?3 WHERE stuck_id = (SELECT "
      "max(stuck_id) FROM stuck WHERE cgroup_id = ?1) AND kind = ?2 AND ended_by = 'over' AND ended_at_us >= ?4 "
      "AND limit_bytes IS ?5",
      place.cgroup_id, to_string(stuck.kind), at_us, stuck.began_at_us - base::kMinute_us, limit_of(place, stuck.kind));
  if (is_same > 0) return;
  const bool is_high = stuck.kind == core::StuckKind::memory_high;
  sql_.execute(
      "INSERT INTO stuck (cgroup_id, kind, began_at_us, last_seen_at_us, usage_bytes, limit_bytes, high_events, "
      "psi_full_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      place.cgroup_id, to_string(stuck.kind), stuck.began_at_us, at_us, place.row->gauges[core::Gauge::usage],
      limit_of(place, stuck.kind), is_high ? std::optional(stuck.high_events) : std::nullopt,
      is_high ? std::optional(stuck.psi_full_us) : std::nullopt);
}

}  // namespace cgmm::store
