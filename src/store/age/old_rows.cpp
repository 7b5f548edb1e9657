// SPDX-License-Identifier: Apache-2.0
#include "store/age/old_rows.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kHourUs = 3600LL * 1'000'000;

/// "DELETE ... WHERE key IN (the first 300 of `table` that are older than ?1)".
std::string delete_oldest(const std::string& from, const std::string& key, const std::string& table,
                          const std::string& instant) {
  return "DELETE FROM " + from + " WHERE " + key + " IN (SELECT " + key + " FROM " + table + " WHERE " + instant +
         " < ?1 ORDER BY " + instant + ", " + key + " LIMIT 300)";
}

}  // namespace

OldRows::OldRows(SQLite::Database& database)
    : database_(database),
      drop_hours_(
          database,
          "DELETE FROM sample_hour WHERE (hour_at_us, cgroup_id) IN (SELECT hour_at_us, cgroup_id FROM sample_hour "
          "WHERE hour_at_us < ?1 ORDER BY hour_at_us, cgroup_id LIMIT 1000)"),
      drop_effects_(database, delete_oldest("reclaim_effect", "reclaim_id", "reclaim", "started_at_us")),
      drop_reclaims_(database, delete_oldest("reclaim", "reclaim_id", "reclaim", "started_at_us")),
      drop_kills_(database, delete_oldest("oom_kill", "oom_kill_id", "oom_kill", "killed_at_us")),
      // The last start stays.
      drop_service_events_(
          database,
          "WITH slice AS MATERIALIZED (SELECT service_event_id, kind FROM service_event WHERE at_us < ?1 "
          "ORDER BY at_us, service_event_id LIMIT 300) "
          "DELETE FROM service_event WHERE service_event_id IN (SELECT service_event_id FROM slice) "
          "AND service_event_id IS NOT (SELECT max(service_event_id) FROM slice WHERE kind = 'start')"),
      limits_from_(database,
                   "SELECT changed_at_us, cgroup_id FROM (SELECT changed_at_us, cgroup_id FROM cgroup_limit "
                   "WHERE (changed_at_us, cgroup_id) > (?1, ?2) AND changed_at_us < ?3 "
                   "ORDER BY changed_at_us, cgroup_id LIMIT 500) "
                   "ORDER BY changed_at_us DESC, cgroup_id DESC LIMIT 1"),
      // Not the one that was still valid at ?5.
      drop_limits_(
          database,
          "DELETE FROM cgroup_limit WHERE (changed_at_us, cgroup_id) > (?1, ?2) "
          "AND (changed_at_us, cgroup_id) <= (?3, ?4) AND EXISTS (SELECT 1 FROM cgroup_limit later "
          "WHERE later.cgroup_id = cgroup_limit.cgroup_id AND later.changed_at_us > cgroup_limit.changed_at_us "
          "AND later.changed_at_us < ?5)"),
      earliest_reference_(
          database,
          "SELECT min(at_us) FROM (SELECT min(hour_at_us) AS at_us FROM sample_hour "
          "UNION ALL SELECT min(started_at_us) FROM reclaim UNION ALL SELECT min(killed_at_us) FROM oom_kill "
          "UNION ALL SELECT started_at_us FROM scan WHERE scan_id = (SELECT min(scan_id) FROM sample))"),
      drop_cgroup_limits_(database, delete_oldest("cgroup_limit", "cgroup_id", "cgroup", "vanished_at_us")),
      drop_cgroup_cooldowns_(database, delete_oldest("cooldown", "cgroup_id", "cgroup", "vanished_at_us")),
      drop_cgroups_(database, delete_oldest("cgroup", "cgroup_id", "cgroup", "vanished_at_us")),
      scans_from_(database,
                  "SELECT max(started_at_us) FROM (SELECT started_at_us FROM scan "
                  "WHERE started_at_us > ?1 AND started_at_us < ?2 ORDER BY started_at_us LIMIT 500)"),
      // Never the last one: its id would be used again.
      drop_scans_(database,
                  "DELETE FROM scan WHERE started_at_us > ?1 AND started_at_us <= ?2 "
                  "AND scan_id <> (SELECT max(scan_id) FROM scan) "
                  "AND NOT EXISTS (SELECT 1 FROM sample WHERE sample.scan_id = scan.scan_id)") {}

bool OldRows::drop_hours(std::int64_t before_us) { return drop_slice(drop_hours_, before_us); }

bool OldRows::drop_events(std::int64_t before_us, Position& position) {
  execute(drop_effects_, before_us);
  return drop_slice(drop_reclaims_, before_us) || drop_slice(drop_kills_, before_us) ||
         drop_slice(drop_service_events_, before_us) || drop_limits(before_us, position);
}

/// Limits that were replaced by later ones. Slices count rows, because a scan can report a limit for every cgroup at
/// the same time.
bool OldRows::drop_limits(std::int64_t before_us, Position& position) {
  std::int64_t end_us = 0;
  std::int64_t end_cgroup_id = 0;
  {
    Use slice(limits_from_, position.limits_us, position.limits_cgroup_id, before_us);
    if (!slice.step()) return false;
    end_us = slice.integer(0);
    end_cgroup_id = slice.integer(1);
  }
  execute(drop_limits_, position.limits_us, position.limits_cgroup_id, end_us, end_cgroup_id, before_us);
  position.limits_us = end_us;
  position.limits_cgroup_id = end_cgroup_id;
  return true;
}

bool OldRows::drop_cgroups(std::int64_t before_us) {
  {
    Use earliest(earliest_reference_);
    earliest.step();
    if (const auto at_us = earliest.amount(0))
      before_us = std::min(before_us, static_cast<std::int64_t>(*at_us) - kHourUs);
  }
  execute(drop_cgroup_limits_, before_us);
  execute(drop_cgroup_cooldowns_, before_us);
  return drop_slice(drop_cgroups_, before_us);
}

bool OldRows::drop_scans(std::int64_t before_us, Position& position) {
  std::optional<std::int64_t> slice_end_us;
  {
    Use slice(scans_from_, position.scans_us, before_us);
    if (slice.step() && slice.amount(0)) slice_end_us = slice.integer(0);
  }
  if (!slice_end_us) return false;
  execute(drop_scans_, position.scans_us, *slice_end_us);
  position.scans_us = *slice_end_us;
  return true;
}

/// Whether anything was deleted.
bool OldRows::drop_slice(SQLite::Statement& statement, std::int64_t before_us) {
  execute(statement, before_us);
  return database_.getChanges() > 0;
}

}  // namespace cgmm::store
