// SPDX-License-Identifier: Apache-2.0
#include "store/write/whose_kills.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "store/write/oom_dumps.hpp"
#include "store/write/why_killed.hpp"

namespace cgmm::store {
namespace {

/// Between the kernel's counting and the time that we have for its log record.
constexpr std::int64_t kNear_us = base::kSecond_us;
/// So long after a scan, all of the log up to the scan has been read.
constexpr std::int64_t kLogDelay_us = 5 * base::kSecond_us;
/// How long the fault that records of the log are lost outlives the last loss.
constexpr std::int64_t kLossEndsAfter_us = 2 * base::kMinute_us;
/// In a storm, kills are seen in each other's rises. So far from a kill the rise may be that is left over in the end.
constexpr std::int64_t kLeftOver_us = 3 * kClockSlack_us;
/// So long, kills are looked for in the counters.
constexpr std::int64_t kUnseenFor_us = 2 * base::kMinute_us;
constexpr int kRounds = 8;  // what one round finds may tell more in the next

}  // namespace

void WhoseKills::settle(std::int64_t now_us) {
  const std::int64_t to_us = now_us - kLogDelay_us;
  const std::int64_t decided_us =
      sql_.number("SELECT max(started_at_us) FROM scan WHERE is_partial IS NOT 1 AND started_at_us <= ?1", to_us)
          .value_or(0) -
      kNear_us;
  see_rest(now_us - kUnseenFor_us, decided_us);
  take_back_moved(now_us - kUnseenFor_us, decided_us);
  drop_denied(now_us - kUnseenFor_us, decided_us);
  const auto first_us = sql_.number("SELECT min(killed_at_us) FROM oom_kill WHERE cgroup_by IS NULL");
  if (!first_us || *first_us >= decided_us) return;
  for (int round = 0; round < kRounds && name_certain(*first_us - kNear_us, to_us); ++round) {
  }
  see_rest(std::min(now_us - kUnseenFor_us, *first_us), decided_us);
  sql_.execute(
      "UPDATE oom_count AS r SET sure_count = (SELECT ifnull(sum(k.counted_count), 0) FROM oom_kill k "
      "  CROSS JOIN cgroup c WHERE k.killed_at_us BETWEEN r.since_at_us + ?3 AND r.at_us - ?3 "
      "  AND k.source = 'kernel_log' AND k.cgroup_id = r.cgroup_id AND k.group_path IS NULL "
      "  AND c.cgroup_id = r.cgroup_id AND ifnull(k.victim_path, c.path) = c.path) "
      "WHERE r.at_us >= ?1 - ?4 AND r.since_at_us <= ?2 + ?4",
      *first_us, decided_us, kNear_us, kClockSlack_us);
  sql_.execute(
      "UPDATE oom_kill AS o SET candidate_count = nullif((SELECT count(DISTINCT r.cgroup_id) "
      "  FROM oom_count r CROSS JOIN cgroup c WHERE r.at_us >= o.killed_at_us - ?2 "
      "  AND r.since_at_us <= o.killed_at_us + ?2 AND r.count > r.sure_count AND c.cgroup_id = r.cgroup_id "
      "  AND (o.group_path IS NULL OR substr(c.path || '/', 1, length(o.group_path) + 1) = o.group_path || '/')), 0) "
      "WHERE cgroup_by IS NULL AND killed_at_us < ?1",
      decided_us, kClockSlack_us);
  sql_.execute(
      "UPDATE oom_kill SET cgroup_by = iif(candidate_count > 0, 'candidates', 'unknown') "
      "WHERE cgroup_by IS NULL AND killed_at_us < ?1",
      decided_us);
}

/// A process that had been seen in a cgroup may have moved to another one before it was killed. Then the counter of the
/// first did not rise; if that one is not tracked, the counter of one that is rose by a kill that the log does not
/// tell.
void WhoseKills::take_back_moved(std::int64_t from_us, std::int64_t to_us) {
  std::vector<std::int64_t> moved;
  for (Use kill = sql_.use("SELECT oom_kill_id FROM oom_kill k LEFT JOIN cgroup c USING (cgroup_id) "
                           "WHERE k.killed_at_us BETWEEN ?1 AND ?2 AND k.cgroup_by = 'pid' AND k.seen_count = 0 "
                           "AND k.dropped_from IS NULL AND iif(k.cgroup_id IS NULL, "
                           "  EXISTS (SELECT 1 FROM oom_kill o WHERE o.killed_at_us BETWEEN k.killed_at_us - ?3 AND "
                           "k.killed_at_us + ?4 "
                           "    AND o.source = 'counter' AND o.earliest_at_us <= k.killed_at_us + ?5), "
                           "  c.oom_kills_total IS NOT NULL "
                           "    AND (c.vanished_at_us IS NULL OR c.last_seen_at_us > k.killed_at_us + ?3))",
                           from_us, to_us, kNear_us, kUnseenFor_us, kLeftOver_us);
       kill.step();)
    moved.push_back(kill.integer(0));
  for (const std::int64_t oom_kill_id : moved) {
    sql_.execute(
        "UPDATE oom_kill SET cgroup_id = NULL, victim_path = NULL, cgroup_by = NULL, keeps_samples = NULL "
        "WHERE oom_kill_id = ?1",
        oom_kill_id);
    explain_kill(sql_, oom_kill_id);
  }
}

/// The log has begun a kill and not ended it, and the counter of the cgroup did not rise, although the cgroup lived on
/// and its counter was read: the victim was exiting already.
void WhoseKills::drop_denied(std::int64_t from_us, std::int64_t to_us) {
  std::vector<std::int64_t> denied;
  for (Use kill = sql_.use("SELECT oom_kill_id FROM oom_kill k JOIN cgroup c USING (cgroup_id) "
                           "WHERE k.killed_at_us BETWEEN ?1 AND ?2 AND k.end_told = 0 AND k.seen_count = 0 "
                           "AND c.oom_kills_total IS NOT NULL AND ifnull(k.victim_path, c.path) = c.path "
                           "AND (c.vanished_at_us IS NULL OR c.last_seen_at_us > k.killed_at_us + ?3)",
                           from_us, to_us, kNear_us);
       kill.step();)
    denied.push_back(kill.integer(0));
  for (const std::int64_t oom_kill_id : denied) {
    drop_dump(sql_, oom_kill_id);
    sql_.execute("DELETE FROM oom_kill WHERE oom_kill_id = ?1", oom_kill_id);
  }
}

/// Each counter has been read, and yet some kills that the log tells of have not been seen there: kills at the edge of
/// two rises were seen in the other one. Those that are named come first.
void WhoseKills::see_rest(std::int64_t from_us, std::int64_t to_us) {
  struct Unseen {
    std::int64_t oom_kill_id, at_us;
    std::optional<std::int64_t> cgroup_id;
  };
  for (const bool is_named : {true, false}) {
    std::vector<Unseen> all;
    {
      Use kill = sql_.use(
          "SELECT oom_kill_id, killed_at_us, cgroup_id FROM oom_kill WHERE killed_at_us BETWEEN ?1 AND ?2 "
          "AND source = 'kernel_log' AND seen_count < counted_count AND group_path IS NULL "
          "AND (cgroup_id IS NOT NULL) = ?3 AND dropped_from IS NULL AND (cgroup_id IS NOT NULL OR victim_path IS "
          "NULL) ORDER BY killed_at_us",
          from_us, to_us, std::int64_t{is_named});
      while (kill.step()) all.push_back({kill.integer(0), kill.integer(1), kill.number(2)});
    }
    for (const Unseen& kill : all) {
      if (kill.cgroup_id) {
        counts_.name(kill.oom_kill_id, *kill.cgroup_id, /*is_settled=*/true);
      } else {
        counts_.see(kill.oom_kill_id, kill.at_us);
      }
    }
  }
}

/// Whether any was named.
bool WhoseKills::name_certain(std::int64_t from_us, std::int64_t to_us) {
  std::vector<Counted> all;
  {
    Use rise = sql_.use(
        "SELECT cgroup_id, sum(count), min(since_at_us), max(at_us) FROM oom_count "
        "WHERE at_us BETWEEN ?1 AND ?2 GROUP BY cgroup_id HAVING sum(count) > sum(named_count)",
        from_us, to_us);
    while (rise.step()) {
      all.push_back({.cgroup_id = rise.integer(0),
                     .count = rise.integer(1),
                     .from_us = rise.integer(2) - kNear_us,
                     .to_us = rise.integer(3) + kNear_us});
    }
  }
  bool any = false;
  for (const Counted& counted : all) {
    if (!is_certain(counted)) continue;
    name_all(counted);
    any = true;
  }
  return any;
}

bool WhoseKills::is_certain(const Counted& counted) {
  static const std::string kUnnamed =
      "SELECT ifnull(sum(iif(k.group_path IS NULL, k.counted_count, 1000000)), 0) FROM oom_kill k "
      "WHERE k.killed_at_us BETWEEN ?1 AND ?2 AND" +
      std::string(kIsUnnamed);
  const std::int64_t unnamed = *sql_.number(kUnnamed, counted.from_us, counted.to_us);
  if (unnamed == 0) return false;
  // Those at the edge may be of the rise before or after.
  const std::int64_t named_at_most = *sql_.number(
      "SELECT ifnull(sum(k.counted_count), 0) FROM cgroup own CROSS JOIN oom_kill k LEFT JOIN cgroup c "
      "ON c.cgroup_id = k.cgroup_id WHERE own.cgroup_id = ?1 AND k.killed_at_us BETWEEN ?2 AND ?3 "
      "AND k.source = 'kernel_log' AND (k.cgroup_id = ?1 OR (own.inode <> 0 AND c.inode = own.inode) "
      "  OR substr(own.path || '/', 1, length(k.group_path) + 1) = k.group_path || '/')",
      counted.cgroup_id, counted.from_us, counted.to_us);
  if (counted.count - named_at_most != unnamed) return false;
  // The log is complete: no other run in between, and nothing lost.
  return !sql_.number(
      "SELECT 1 WHERE EXISTS (SELECT 1 FROM service_event WHERE at_us BETWEEN ?1 - ?3 AND ?2 + ?3 "
      "  AND ((kind = 'start' AND at_us > ?1 + ?4 AND at_us <= ?2) OR fault = 'kernel_log')) "
      "OR (SELECT kind FROM service_event WHERE fault = 'kernel_log' AND at_us <= ?2 ORDER BY at_us DESC LIMIT 1) "
      "  = 'fault_begin'",
      counted.from_us, counted.to_us, kLossEndsAfter_us, kNear_us);
}

void WhoseKills::name_all(const Counted& counted) {
  std::vector<std::int64_t> kills;
  {
    static const std::string kUnnamed =
        "SELECT oom_kill_id FROM oom_kill k WHERE k.killed_at_us BETWEEN ?1 AND ?2 AND" + std::string(kIsUnnamed) +
        "ORDER BY killed_at_us";
    for (Use kill = sql_.use(kUnnamed, counted.from_us, counted.to_us); kill.step();) kills.push_back(kill.integer(0));
  }
  for (const std::int64_t oom_kill_id : kills) {
    counts_.name(oom_kill_id, counted.cgroup_id, /*is_settled=*/true);
    sql_.execute(
        "UPDATE oom_kill SET cgroup_id = ?2, cgroup_by = 'counter', candidate_count = NULL "
        "WHERE oom_kill_id = ?1",
        oom_kill_id, counted.cgroup_id);
    explain_kill(sql_, oom_kill_id);
  }
}

}  // namespace cgmm::store
