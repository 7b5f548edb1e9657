// SPDX-License-Identifier: Apache-2.0
#include "store/age/crowd.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "store/age/instants.hpp"
#include "store/age/totals.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kSampleBytes = 70;
constexpr std::int64_t kLookedAtAtOnce = 2000;
constexpr std::int64_t kSamplesAtOnce = 4000;
constexpr std::int64_t kCostAtOnce = 2000;   // of dropping cgroups: rows, and scans that may have samples
constexpr std::int64_t kCostOfACgroup = 12;  // rows with their indexes
constexpr std::int64_t kCostOfKills = 24;    // more, where it may have some
constexpr std::int64_t kReclaimBytes = 150;  // with its effect and in the index
constexpr std::int64_t kReclaimsAtOnce = 300;
constexpr std::size_t kDirectoriesAtOnce = 16;
constexpr std::int64_t kCrowdRest_us = 5 * base::kSecond_us;

/// A kill may still be told of by the other of log and counter.
constexpr std::int64_t kSettledAfter_us = 5 * base::kSecond_us;

/// No rest is longer than an hour: one that began while the clock was ahead ends when the clock is set back.
bool rests(std::int64_t until_us, std::int64_t now_us) {
  return now_us < until_us && until_us - now_us <= base::kHour_us;
}

/// Of a cgroup that was dropped: they are counted for the directory, in a row for the hour.
void keep_kills(Statements& sql, std::int64_t cgroup_id, const std::string& directory) {
  keep_totals(sql, "v_counted_kill", "SELECT oom_kill_id AS row_id FROM oom_kill WHERE cgroup_id = ?1", cgroup_id);
  std::vector<std::int64_t> kills;
  for (Use row = sql.use("SELECT oom_kill_id FROM oom_kill WHERE cgroup_id = ?", cgroup_id); row.step();)
    kills.push_back(row.integer(0));
  for (const std::int64_t kill : kills) {
    const bool is_added =
        sql.execute(
            "UPDATE oom_kill AS all_of SET kill_count = all_of.kill_count + one.kill_count, "
            "killed_at_us = min(all_of.killed_at_us, one.killed_at_us), "
            "last_killed_at_us = max(all_of.last_killed_at_us, one.killed_at_us, "
            "  coalesce(one.last_killed_at_us, 0)), "
            "process_count = coalesce(all_of.process_count + one.process_count, all_of.process_count, "
            "  one.process_count), "
            "counted_count = all_of.counted_count + one.counted_count, "
            "seen_count = all_of.seen_count + one.seen_count FROM oom_kill one WHERE one.oom_kill_id = ?1 "
            "AND all_of.oom_kill_id = (SELECT oom_kill_id FROM oom_kill WHERE cgroup_id IS NULL "
            "  AND dropped_from = ?2 AND source = one.source AND scope = one.scope "
            "  AND finer_scope IS one.finer_scope AND killed_at_us BETWEEN "
            "  one.killed_at_us - one.killed_at_us % 3600000000 AND "
            "  one.killed_at_us - one.killed_at_us % 3600000000 + 3599999999 LIMIT 1)",
            kill, directory) > 0;
    if (is_added) {
      for (const char* const table : {"oom_process", "oom_node", "oom_kill"})
        sql.execute(std::string("DELETE FROM ") + table + " WHERE oom_kill_id = ?", kill);
    } else {
      sql.execute(
          "UPDATE oom_kill SET cgroup_id = NULL, victim_path = NULL, keeps_samples = NULL, dropped_from = ?2, "
          "last_killed_at_us = coalesce(last_killed_at_us, killed_at_us) WHERE oom_kill_id = ?1",
          kill, directory);
    }
  }
}

}  // namespace

void Crowd::undo() {
  gone_.restart();
  living_.restart();
  reclaims_.restart();
  pass_ = {};
  reclaim_pass_ = {};
  thinning_ = {};
  thinned_to_.clear();
}

bool Crowd::drop_early_gone(std::int64_t now_us, std::int64_t share_bytes) {
  if (!pass_.directory.empty()) return drop_next(now_us, share_bytes);
  const std::int64_t newest = sql_.number("SELECT max(cgroup_id) FROM cgroup").value_or(0);
  if (rests(gone_rest_.until_us, now_us) && newest < gone_rest_.until_id) return false;
  if (!gone_.step({}, share_bytes)) return true;
  if (gone_.total() > share_bytes && !gone_.directory().empty()) {
    pass_ = {.directory = gone_.directory(), .bytes = gone_.total()};
    return true;
  }
  gone_rest_ = {.until_us = now_us + base::kHour_us, .until_id = newest + share_bytes / cgroup_bytes(0) / 16};
  return false;
}

/// Of the cgroups below the directory, in the order in which they came.
bool Crowd::drop_next(std::int64_t now_us, std::int64_t share_bytes) {
  struct Gone {
    std::int64_t cgroup_id, bytes;
  };
  std::vector<Gone> gone;
  std::int64_t looked_at = 0;
  const std::int64_t most = kCostAtOnce / kCostOfACgroup;
  for (Use row = sql_.use(
           "SELECT cgroup_id, path, vanished_at_us IS NOT NULL AND last_seen_at_us - first_seen_at_us BETWEEN 0 AND "
           "3599999999 AND NOT EXISTS (SELECT 1 FROM oom_kill WHERE oom_kill.cgroup_id = cgroup.cgroup_id "
           "  AND killed_at_us > ?2) FROM cgroup WHERE cgroup_id > ?1 ORDER BY cgroup_id LIMIT ?3",
           pass_.to_cgroup_id, now_us - kSettledAfter_us, kLookedAtAtOnce);
       std::ssize(gone) < most && row.step(); ++looked_at) {
    pass_.to_cgroup_id = row.integer(0);
    const std::string path = row.text(1);
    if (row.integer(2) != 0 && is_below(path, pass_.directory))
      gone.push_back({row.integer(0), cgroup_bytes(path.size())});
  }
  std::int64_t cost = 0;
  for (const auto& [cgroup_id, bytes] : gone) {
    if (pass_.bytes <= share_bytes - share_bytes / 4 || cost > kCostAtOnce) {
      pass_.to_cgroup_id = cgroup_id - 1;
      break;
    }
    cost += kCostOfACgroup + drop_cgroup(cgroup_id);
    pass_.bytes -= bytes;
    ++pass_.dropped_count;
  }
  const bool is_enough = pass_.bytes <= share_bytes - share_bytes / 4;
  const bool was_all = looked_at < kLookedAtAtOnce && std::ssize(gone) < most && cost <= kCostAtOnce;
  if (!is_enough && !was_all) return true;
  if (pass_.dropped_count == 0) gone_rest_ = {.until_us = now_us + base::kMinute_us, .until_id = INT64_MAX};
  pass_ = {};
  return cost > 0;
}

/// What it cost: the scans that may have had samples of it, and its kills.
std::int64_t Crowd::drop_cgroup(std::int64_t cgroup_id) {
  std::int64_t first_us = 0, last_us = 0;
  bool may_have_kills = false;
  {
    Use life =
        sql_.use("SELECT first_seen_at_us, last_seen_at_us, oom_kills_total IS NOT 0 FROM cgroup WHERE cgroup_id = ?",
                 cgroup_id);
    if (!life.step()) return 0;
    first_us = life.integer(0);
    last_us = life.integer(1);
    may_have_kills = life.integer(2) != 0;
  }
  Loss& loss = losses_[pass_.directory];
  const std::int64_t scan_count =
      sql_.number("SELECT count(*) FROM scan WHERE started_at_us BETWEEN ? AND ?", first_us, last_us).value_or(0);
  loss.samples += sql_.execute(
      "DELETE FROM sample WHERE cgroup_id = ?1 AND scan_id IN (SELECT scan_id FROM scan WHERE started_at_us "
      "BETWEEN ?2 AND ?3)",
      cgroup_id, first_us, last_us);
  loss.samples += sql_.number("SELECT sum(sample_count) FROM archive_chunk WHERE cgroup_id = ?", cgroup_id).value_or(0);
  if (sql_.execute("DELETE FROM archive_chunk WHERE cgroup_id = ?", cgroup_id) > 0)
    drop_instants_of_cgroup(sql_, cgroup_id, first_us, last_us);
  sql_.execute(
      "DELETE FROM sample_hour WHERE cgroup_id = ?1 AND hour_at_us IN (?2 - ?2 % 3600000000, ?3 - ?3 % 3600000000)",
      cgroup_id, first_us, last_us);
  sql_.execute("DELETE FROM cgroup_limit WHERE cgroup_id = ?", cgroup_id);
  // What was reclaimed has a cooldown. Its reclaims go with the other old ones.
  if (sql_.number("SELECT 1 FROM cooldown WHERE cgroup_id = ?", cgroup_id)) return scan_count;
  keep_kills(sql_, cgroup_id, pass_.directory);
  if (may_have_kills) {  // a kill whose cgroup is not decided yet may need them
    sql_.execute(
        "DELETE FROM oom_count WHERE cgroup_id = ?1 AND at_us IN (SELECT started_at_us FROM scan WHERE started_at_us "
        "BETWEEN ?2 AND ?3) AND NOT EXISTS (SELECT 1 FROM oom_kill WHERE cgroup_by IS NULL AND killed_at_us <= ?3 + "
        "?4)",
        cgroup_id, first_us, last_us, kSettledAfter_us);
  }
  keep_totals(sql_, "v_counted_stuck", "SELECT stuck_id AS row_id FROM stuck WHERE cgroup_id = ?1", cgroup_id);
  loss.events += sql_.execute("DELETE FROM stuck WHERE cgroup_id = ?", cgroup_id);
  loss.cgroups += sql_.execute("DELETE FROM cgroup WHERE cgroup_id = ?", cgroup_id);
  return scan_count + (may_have_kills ? kCostOfKills : 0);
}

/// Which directory has the most living cgroups, without those of which there is nothing left to drop. False: none is a
/// crowd, or there is nobody else.
bool Crowd::choose(std::int64_t now_us, std::int64_t share_bytes, std::int64_t newest_scan_id) {
  if (rests(crowd_rest_.until_us, now_us) && share_bytes >= crowd_rest_.share_bytes) return false;
  std::vector<std::string> done;
  for (const auto& [directory, scan_id] : thinned_to_) {
    if (scan_id >= newest_scan_id - 1) done.push_back(directory);
  }
  if (!living_.step(done)) return true;
  if (living_.inside() <= kOwnCgroups || (living_.inside() == living_.total() && done.empty())) {
    crowd_rest_ = {.until_us = now_us + kCrowdRest_us, .share_bytes = share_bytes};
    return false;
  }
  const std::string& directory = living_.directory();
  const auto first = sql_.number(
      "SELECT cgroup_id FROM cgroup WHERE vanished_at_us IS NULL AND +path >= ?1 || '/' AND +path < ?1 || '0' "
      "ORDER BY cgroup_id LIMIT 1 OFFSET ?2",
      directory, kOwnCgroups);
  if (thinned_to_.size() >= kDirectoriesAtOnce) thinned_to_.clear();
  thinned_to_.try_emplace(directory, 0);
  thinning_ = {.directory = directory, .count = living_.inside(), .from_cgroup_id = first.value_or(INT64_MAX)};
  return true;
}

bool Crowd::drop_samples(std::int64_t now_us, std::int64_t share_bytes) {
  const std::int64_t newest_scan_id = sql_.number("SELECT max(scan_id) FROM scan").value_or(0);
  if (thinning_.directory.empty()) return choose(now_us, share_bytes, newest_scan_id);
  std::int64_t& thinned_to = thinned_to_[thinning_.directory];
  const auto next = [&] {
    return sql_.number("SELECT scan_id FROM sample WHERE scan_id > ? ORDER BY scan_id LIMIT 1", thinned_to)
        .value_or(INT64_MAX);
  };
  std::int64_t looked_at = 0;
  std::int64_t scan_id = next();
  for (; looked_at < kSamplesAtOnce && scan_id < newest_scan_id; scan_id = next()) {
    if ((newest_scan_id - scan_id) * thinning_.count * kSampleBytes <= share_bytes) break;
    const std::int64_t from = std::max(thinning_.from_cgroup_id, thinning_.in_scan_from);
    const auto end = sql_.number(
        "SELECT cgroup_id FROM sample WHERE scan_id = ? AND cgroup_id >= ? "
        "ORDER BY cgroup_id LIMIT 1 OFFSET ?",
        scan_id, from, kSamplesAtOnce);
    looked_at += end ? kSamplesAtOnce : 1 + thinning_.count;
    losses_[thinning_.directory].samples += sql_.execute(
        "DELETE FROM sample WHERE scan_id = ?1 AND cgroup_id >= ?2 AND cgroup_id < ?3 AND EXISTS (SELECT 1 FROM cgroup "
        "WHERE cgroup.cgroup_id = sample.cgroup_id AND +path >= ?4 || '/' AND +path < ?4 || '0')",
        scan_id, from, end.value_or(INT64_MAX), thinning_.directory);
    thinning_.in_scan_from = end.value_or(0);
    if (!end) thinned_to = scan_id;
  }
  if (looked_at >= kSamplesAtOnce) return true;
  thinning_ = {};  // another one may be a crowd, too
  if (looked_at == 0) crowd_rest_ = {.until_us = now_us + kCrowdRest_us, .share_bytes = share_bytes};
  return looked_at > 0;
}

bool Crowd::drop_reclaims(std::int64_t now_us, std::int64_t share_bytes) {
  const std::int64_t most = share_bytes / kReclaimBytes;
  const std::int64_t newest = sql_.number("SELECT max(reclaim_id) FROM reclaim").value_or(0);
  if (reclaim_pass_.directory.empty()) {
    if (rests(reclaim_rest_.until_us, now_us) && newest < reclaim_rest_.until_id) return false;
    if (newest - sql_.number("SELECT min(reclaim_id) FROM reclaim").value_or(0) < most) return false;
    if (!reclaims_.step({}, most)) return true;
    reclaim_pass_ = {.directory = reclaims_.directory(), .count = reclaims_.total()};
    if (reclaim_pass_.count > most && !reclaim_pass_.directory.empty()) return true;
    reclaim_pass_ = {};
    reclaim_rest_ = {.until_us = now_us + base::kHour_us, .until_id = newest + most / 16};
    return false;
  }
  std::vector<std::int64_t> dropped;
  std::int64_t looked_at = 0;
  for (Use row =
           sql_.use("SELECT reclaim_id, path, outcome = 'started' FROM reclaim CROSS JOIN cgroup USING (cgroup_id) "
                    "WHERE reclaim_id > ?1 AND reclaim_id < (SELECT max(reclaim_id) FROM reclaim) "
                    "ORDER BY reclaim_id LIMIT ?2",
                    reclaim_pass_.to_reclaim_id, kLookedAtAtOnce);
       std::ssize(dropped) < kReclaimsAtOnce && reclaim_pass_.count - std::ssize(dropped) > most - most / 4 &&
       row.step();
       ++looked_at) {
    reclaim_pass_.to_reclaim_id = row.integer(0);
    if (row.integer(2) == 0 && is_below(row.text(1), reclaim_pass_.directory)) dropped.push_back(row.integer(0));
  }
  for (const std::int64_t reclaim_id : dropped) {
    keep_totals(sql_, "v_counted_reclaim", "SELECT ?1 AS row_id", reclaim_id);
    sql_.execute("DELETE FROM reclaim_effect WHERE reclaim_id = ?", reclaim_id);
    sql_.execute("DELETE FROM reclaim WHERE reclaim_id = ?", reclaim_id);
  }
  losses_[reclaim_pass_.directory].events += std::ssize(dropped);
  reclaim_pass_.count -= std::ssize(dropped);
  const bool is_enough = reclaim_pass_.count <= most - most / 4;
  const bool was_all = looked_at < kLookedAtAtOnce && std::ssize(dropped) < kReclaimsAtOnce;
  if (was_all && !is_enough) reclaim_rest_ = {.until_us = now_us + base::kHour_us, .until_id = newest + most / 16};
  if (was_all || is_enough) reclaim_pass_ = {};
  return true;
}

}  // namespace cgmm::store
