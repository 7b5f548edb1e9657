// SPDX-License-Identifier: Apache-2.0
#include "store/age/old_rows.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/chunk.hpp"
#include "store/age/totals.hpp"

namespace cgmm::store {
namespace {

/// Of the first 300 rows of `table` that are older than ?1: deletes those with the same `key` from `from`.
bool drop_oldest(Statements& sql, std::int64_t before_us, const std::string& from, const std::string& key,
                 const std::string& table, const std::string& instant) {
  return sql.execute("DELETE FROM " + from + " WHERE " + key + " IN (SELECT " + key + " FROM " + table + " WHERE " +
                         instant + " < ?1 ORDER BY " + instant + ", " + key + " LIMIT 300)",
                     before_us) > 0;
}

/// Rows that totals count, with their rows in other tables.
struct Counted {
  const char* table;
  const char* key;
  const char* instant;
  const char* view;  // of what they add to the totals
  std::vector<const char*> parts;
};

bool drop_counted(Statements& sql, std::int64_t before_us, const Counted& rows) {
  const std::string key = rows.key, instant = rows.instant;
  keep_totals(sql, rows.view,
              "SELECT " + key + " AS row_id FROM " + rows.table + " WHERE " + instant + " < ?1 ORDER BY " + instant +
                  ", " + key + " LIMIT 300",
              before_us);
  for (const char* const part : rows.parts) drop_oldest(sql, before_us, part, key, rows.table, instant);
  return drop_oldest(sql, before_us, rows.table, key, rows.table, instant);
}

/// The last start stays.
bool drop_service_events(Statements& sql, std::int64_t before_us) {
  return sql.execute(
             "WITH slice AS MATERIALIZED (SELECT service_event_id, kind FROM service_event WHERE at_us < ?1 "
             "ORDER BY at_us, service_event_id LIMIT 300) "
             "DELETE FROM service_event WHERE service_event_id IN (SELECT service_event_id FROM slice) "
             "AND service_event_id IS NOT (SELECT max(service_event_id) FROM slice WHERE kind = 'start')",
             before_us) > 0;
}

/// Limits that were replaced by later ones. Slices count rows, because a scan can report a limit for every cgroup at
/// the same time.
bool drop_limits(Statements& sql, std::int64_t before_us, Position& position) {
  std::int64_t end_us = 0;
  std::int64_t end_cgroup_id = 0;
  {
    Use slice = sql.use(
        "SELECT changed_at_us, cgroup_id FROM (SELECT changed_at_us, cgroup_id FROM cgroup_limit "
        "WHERE (changed_at_us, cgroup_id) > (?1, ?2) AND changed_at_us < ?3 "
        "ORDER BY changed_at_us, cgroup_id LIMIT 500) ORDER BY changed_at_us DESC, cgroup_id DESC LIMIT 1",
        position.limits_us, position.limits_cgroup_id, before_us);
    if (!slice.step()) return false;
    end_us = slice.integer(0);
    end_cgroup_id = slice.integer(1);
  }
  // Not the one that was still valid at ?5.
  sql.execute(
      "DELETE FROM cgroup_limit WHERE (changed_at_us, cgroup_id) > (?1, ?2) "
      "AND (changed_at_us, cgroup_id) <= (?3, ?4) AND EXISTS (SELECT 1 FROM cgroup_limit later "
      "WHERE later.cgroup_id = cgroup_limit.cgroup_id AND later.changed_at_us > cgroup_limit.changed_at_us "
      "AND later.changed_at_us < ?5)",
      position.limits_us, position.limits_cgroup_id, end_us, end_cgroup_id, before_us);
  position.limits_us = end_us;
  position.limits_cgroup_id = end_cgroup_id;
  return true;
}

constexpr std::int64_t kScansLookedAtAtOnce = 500;
constexpr int kBlocksPassedAtOnce = 50;
static_assert(archive::kBlockScans == 1440);  // as SQL has it

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

bool drop_hours(Statements& sql, std::int64_t before_us) {
  return sql.execute(
             "DELETE FROM sample_hour WHERE (hour_at_us, cgroup_id) IN (SELECT hour_at_us, cgroup_id FROM sample_hour "
             "WHERE hour_at_us < ?1 ORDER BY hour_at_us, cgroup_id LIMIT 1000)",
             before_us) > 0;
}

bool drop_events(Statements& sql, Changes& changes, std::int64_t before_us, Position& position) {
  static const Counted kReclaims{"reclaim", "reclaim_id", "started_at_us", "v_counted_reclaim", {"reclaim_effect"}};
  static const Counted kKills{"oom_kill", "oom_kill_id", "killed_at_us", "v_counted_kill", {"oom_process", "oom_node"}};
  static const Counted kStuck{"stuck", "stuck_id", "began_at_us", "v_counted_stuck", {}};
  return drop_counted(sql, before_us, kReclaims) ||
         changes.by_age([&] { return drop_counted(sql, before_us, kKills); }) ||
         drop_oldest(sql, before_us, "oom_count", "at_us", "oom_count", "at_us") ||
         drop_counted(sql, before_us, kStuck) || drop_service_events(sql, before_us) ||
         drop_limits(sql, before_us, position);
}

bool drop_cgroups(Statements& sql, std::int64_t before_us) {
  const auto earliest_reference_us = sql.number(
      "SELECT min(at_us) FROM (SELECT min(hour_at_us) AS at_us FROM sample_hour "
      "UNION ALL SELECT min(started_at_us) FROM reclaim UNION ALL SELECT min(killed_at_us) FROM oom_kill "
      "UNION ALL SELECT min(began_at_us) FROM stuck "
      "UNION ALL SELECT started_at_us FROM scan WHERE scan_id = (SELECT min(scan_id) FROM sample) "
      "UNION ALL SELECT min(first_at_us) FROM archive_chunk WHERE block = (SELECT min(block) FROM archive_chunk))");
  if (earliest_reference_us) before_us = std::min(before_us, *earliest_reference_us - base::kHour_us);
  // Not those with chunks: where the clock was set back, later blocks may be of an earlier time.
  constexpr std::string_view kGone =
      " WHERE cgroup_id IN (SELECT cgroup_id FROM cgroup WHERE vanished_at_us < ?1 AND NOT EXISTS (SELECT 1 FROM "
      "archive_chunk WHERE archive_chunk.cgroup_id = cgroup.cgroup_id) ORDER BY vanished_at_us, cgroup_id LIMIT 300)";
  bool dropped = false;
  for (const char* const table : {"cgroup_limit", "cooldown", "cgroup"})
    dropped = sql.execute("DELETE FROM " + std::string(table) + std::string(kGone), before_us) > 0;
  return dropped;  // of cgroup, which is the last
}

/// Never the last one: its id would be used again. A block that has chunks is passed over at once.
bool drop_scans(Statements& sql, std::int64_t before_us, Position& position) {
  const std::int64_t last_scan_id = sql.number("SELECT max(scan_id) FROM scan").value_or(0);
  std::vector<std::int64_t> dropped;
  std::int64_t looked_at = 0;
  for (int blocks = 0; blocks < kBlocksPassedAtOnce && looked_at < kScansLookedAtAtOnce; ++blocks) {
    std::optional<std::int64_t> kept_block;
    for (Use row = sql.use("SELECT started_at_us, scan_id, EXISTS (SELECT 1 FROM sample WHERE sample.scan_id = "
                           "scan.scan_id), EXISTS (SELECT 1 FROM archive_chunk WHERE block = scan_id / 1440) "
                           "FROM scan WHERE started_at_us >= ?1 AND (started_at_us > ?1 OR scan_id > ?2) "
                           "AND started_at_us < ?3 ORDER BY started_at_us, scan_id LIMIT ?4",
                           position.scans_us, position.scans_scan_id, before_us, kScansLookedAtAtOnce - looked_at);
         !kept_block && row.step(); ++looked_at) {
      position.scans_us = row.integer(0);
      position.scans_scan_id = row.integer(1);
      if (row.integer(3) != 0) {
        kept_block = archive::block_of(position.scans_scan_id);
      } else if (row.integer(2) == 0 && position.scans_scan_id != last_scan_id) {
        dropped.push_back(position.scans_scan_id);
      }
    }
    if (!kept_block) break;
    Use next = sql.use(
        "SELECT started_at_us, scan_id FROM scan WHERE started_at_us >= ?1 AND (started_at_us > ?1 OR scan_id > ?2) "
        "AND started_at_us < ?3 AND scan_id NOT BETWEEN ?4 AND ?5 ORDER BY started_at_us, scan_id LIMIT 1",
        position.scans_us, position.scans_scan_id, before_us, archive::first_scan_of(*kept_block),
        archive::last_scan_of(*kept_block));
    const bool has_more = next.step();
    position.scans_us = has_more ? next.integer(0) : before_us;
    position.scans_scan_id = has_more ? next.integer(1) - 1 : 0;
  }
  for (const std::int64_t scan_id : dropped) sql.execute("DELETE FROM scan WHERE scan_id = ?", scan_id);
  return looked_at > 0;
}

}  // namespace cgmm::store
