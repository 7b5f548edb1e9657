// SPDX-License-Identifier: Apache-2.0
#include "store/age/repeated_kills.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kSettledAfter_us = base::kMinute_us;
constexpr std::int64_t kRowsAtOnce = 500;

/// The kills of one hour that may be one row: of the same cgroup and cause, known in the same way, or, where that is
/// not tracked, of the same path.
struct Kind {
  std::optional<std::int64_t> cgroup_id;
  std::string victim_path;
  std::string source, scope;  // source: and how the cgroup is known, and the cause
  std::int64_t hour_at_us = 0;
};

/// Of a Kind (?1 to ?5), up to ?6. A kill of which nobody knows where it was is not one of them: its cgroup may still
/// become known.
const std::string kOfKind =
    " FROM oom_kill WHERE cgroup_id IS ?1 AND (?1 IS NOT NULL OR victim_path = ?2) AND source || "
    "ifnull(cgroup_by, '') || ifnull(cause, '') = ?3 AND coalesce(finer_scope, scope) = ?4 "
    "AND dropped_from IS NULL AND killed_at_us BETWEEN ?5 AND min(?5 + 3600000000 - 1, ?6)";
/// Of these, the row that stays (?7, ?8) and those after it.
const std::string kFromThatRow = kOfKind + " AND (killed_at_us, oom_kill_id) >= (?7, ?8)";

void merge(Statements& sql, const Kind& kind, std::int64_t to_us) {
  static const std::string kFind =
      "SELECT killed_at_us, oom_kill_id" + kOfKind + " ORDER BY killed_at_us, oom_kill_id LIMIT 1 OFFSET ?7";
  static const std::string kAdd =
      "UPDATE oom_kill SET (kill_count, last_killed_at_us, process_count, counted_count, seen_count, keeps_samples) = "
      "(SELECT sum(kill_count), max(coalesce(last_killed_at_us, killed_at_us)), sum(process_count), "
      "sum(counted_count), sum(seen_count), max(keeps_samples)" +
      kFromThatRow + ") WHERE oom_kill_id = ?8 AND EXISTS (SELECT 1" + kFromThatRow + " AND oom_kill_id <> ?8)";
  static const std::string kDelete = "DELETE" + kFromThatRow + " AND oom_kill_id <> ?8";
  const auto use = [&](std::string_view statement, const auto&... more) {
    return sql.use(statement, kind.cgroup_id, kind.victim_path, kind.source, kind.scope, kind.hour_at_us, to_us,
                   more...);
  };
  std::int64_t at_us = 0, id = 0;
  {
    Use stays = use(kFind, RepeatedKills::kOwnRows);
    if (!stays.step()) return;
    at_us = stays.integer(0);
    id = stays.integer(1);
  }
  use(kAdd, at_us, id).step();
  for (const char* const table : {"oom_process", "oom_node"}) {
    const std::string delete_those = std::string("DELETE FROM ") + table + " WHERE oom_kill_id IN (SELECT oom_kill_id" +
                                     kFromThatRow + " AND oom_kill_id <> ?8)";
    use(delete_those, at_us, id).step();
  }
  use(kDelete, at_us, id).step();
}

}  // namespace

bool RepeatedKills::work(std::int64_t now_us) {
  // At a start, and where the clock was set back: the kills of this hour and the one before it.
  if (to_us_ == 0 || to_us_ > now_us) {
    to_us_ = now_us - now_us % base::kHour_us - base::kHour_us;
    to_id_ = 0;
  }
  static const std::string kSlice =
      " FROM (SELECT * FROM oom_kill WHERE (killed_at_us, oom_kill_id) > (?1, ?2) AND killed_at_us < ?3 "
      "ORDER BY killed_at_us, oom_kill_id LIMIT " +
      std::to_string(kRowsAtOnce) + ")";
  const std::int64_t settled_us = now_us - kSettledAfter_us;
  std::vector<Kind> kinds;
  for (Use row = sql_.use("SELECT cgroup_id, coalesce(victim_path, ''), source || "
                          "ifnull(cgroup_by, '') || ifnull(cause, ''), coalesce(finer_scope, scope), "
                          "killed_at_us / 3600000000" +
                              kSlice +
                              " WHERE cgroup_id IS NOT NULL OR victim_path IS NOT NULL "
                              "GROUP BY 1, CASE WHEN cgroup_id IS NULL THEN victim_path END, 3, 4, 5",
                          to_us_, to_id_, settled_us);
       row.step();) {
    kinds.push_back({row.number(0), row.text(1), row.text(2), row.text(3), row.integer(4) * base::kHour_us});
  }
  {
    Use end = sql_.use("SELECT killed_at_us, oom_kill_id" + kSlice + " ORDER BY 1 DESC, 2 DESC LIMIT 1", to_us_, to_id_,
                       settled_us);
    if (!end.step()) return false;
    to_us_ = end.integer(0);
    to_id_ = end.integer(1);
  }
  for (const Kind& kind : kinds) merge(sql_, kind, to_us_);
  return true;
}

}  // namespace cgmm::store
