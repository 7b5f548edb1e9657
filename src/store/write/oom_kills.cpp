// SPDX-License-Identifier: Apache-2.0
#include "store/write/oom_kills.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kClockSlack_us = 5 * base::kSecond_us;  // between the kernel log's clock and ours
constexpr std::int64_t kLookBack_us = 30 * base::kMinute_us;
constexpr std::uint64_t kMaxCountedRows = 16;
constexpr int kMaxSamples = 4000;  // more than half an hour, one per second

/// How much of a kill was seen in the counter, and whose it was if that was not known.
constexpr const char* kSeen =
    "UPDATE oom_kill SET seen_count = seen_count + ?2, "
    "cgroup_id = CASE WHEN cgroup_id IS NULL OR victim_path = ?4 THEN ?3 ELSE cgroup_id END "
    "WHERE oom_kill_id = ?1";

/// Whether the limit is that of a cgroup above or below `own`, where the victim was. "": nobody told whose it was.
void place_limit(core::OomEvidence& evidence, const std::string& limit_path, const std::string& own) {
  evidence.limit_is_above = !limit_path.empty() && limit_path.size() < own.size();
  evidence.limit_is_below = limit_path.size() > own.size();
}

}  // namespace

void OomKillRows::store_position(const core::LogPosition& position) {
  sql_.execute("DELETE FROM kernel_log");
  if (position.boot_id.empty()) return;
  sql_.execute("INSERT INTO kernel_log (boot_id, sequence) VALUES (?1, ?2)", position.boot_id,
               to_sql(position.sequence));
}

void OomKillRows::record(const core::OomKill& kill) {
  store_position(kill.position);
  const core::LoggedKill& logged = kill.logged;
  if (sql_.number("SELECT 1 FROM oom_kill WHERE log_boot_id = ?1 AND log_sequence = ?2", kill.position.boot_id,
                  to_sql(logged.sequence)))
    return;
  const std::optional<Held> holder = holder_of(kill);
  std::optional<std::int64_t> cgroup_id;
  if (holder) cgroup_id = holder->cgroup_id;
  const std::int64_t oom_kill_id = take_place_of_counted(kill, cgroup_id);
  sql_.execute(
      "UPDATE oom_kill SET cgroup_id = ?2, killed_at_us = ?3, source = 'kernel_log', scope = ?4, "
      "victim_pid = ?5, victim_comm = nullif(?6, ''), victim_uid = ?7, anon_rss_bytes = ?8, file_rss_bytes = ?9, "
      "shmem_rss_bytes = ?10, victim_path = nullif(?11, ''), limit_path = nullif(?12, ''), "
      "group_path = nullif(?13, ''), process_count = ?14, counted_count = ?15, log_boot_id = ?16, "
      "log_sequence = ?17, earliest_at_us = NULL WHERE oom_kill_id = ?1",
      oom_kill_id, cgroup_id, kill.killed_at_us,
      std::string_view(logged.scope == core::OomScope::node ? "node" : "cgroup"), logged.victim_pid, logged.victim_comm,
      logged.victim_uid, logged.anon_rss_bytes, logged.file_rss_bytes, logged.shmem_rss_bytes, logged.victim_path,
      logged.limit_path, logged.group_path, logged.process_count, logged.counted_count, kill.position.boot_id,
      to_sql(logged.sequence));
  const Victim victim{oom_kill_id, cgroup_id, kill.killed_at_us};
  core::OomEvidence evidence = evidence_of(victim);
  evidence.scope = logged.scope;
  evidence.at_kill = logged.memory;
  const std::string& own = holder ? holder->path : logged.victim_path;
  place_limit(evidence, logged.limit_path, own);
  explain(victim, evidence);
}

/// The row of the cgroup that held the victim, else of the nearest one above it; of a container's nothing above it, but
/// a new row. nullopt: it is not tracked.
std::optional<OomKillRows::Held> OomKillRows::holder_of(const core::OomKill& kill) {
  const std::int64_t by_us = kill.killed_at_us + kClockSlack_us;
  const bool in_container = !kill.container.container_id.empty();
  for (std::string path = kill.logged.victim_path; !path.empty(); path.resize(path.rfind('/'))) {
    if (in_container && path.size() < kill.id.path.size()) break;
    // Its own row first, else that of the same path: it may have been made again before its inode was read.
    for (const std::uint64_t inode : {path == kill.id.path ? kill.id.inode : 0, std::uint64_t{0}}) {
      const auto cgroup_id = sql_.number(
          "SELECT cgroup_id FROM cgroup WHERE path = ?1 AND ?2 IN (0, inode) AND first_seen_at_us <= ?3 "
          "ORDER BY first_seen_at_us DESC, cgroup_id DESC LIMIT 1",
          path, inode_to_sql(inode), by_us);
      if (cgroup_id) return Held{*cgroup_id, path};
    }
    if (path.find('/') == std::string::npos) break;
  }
  if (!in_container) return std::nullopt;
  return Held{cgroups_.add_unseen(kill.id, kill.container, kill.killed_at_us), kill.id.path};
}

/// The row for the kill: a new one, or the first of those that a counter reported. Then the other rows of the same kill
/// are deleted, and the cgroup is set if it was not known.
std::int64_t OomKillRows::take_place_of_counted(const core::OomKill& kill, std::optional<std::int64_t>& cgroup_id) {
  std::vector<std::int64_t> told;
  if (cgroup_id || kill.logged.victim_path.empty()) {
    Use counted = sql_.use(
        "SELECT oom_kill_id, cgroup_id FROM oom_kill WHERE source = 'counter' AND cgroup_id IS NOT NULL "
        "AND (cgroup_id = ?1 OR ?1 IS NULL) AND killed_at_us >= ?2 - ?3 "
        "AND ifnull(earliest_at_us, 0) <= ?2 + ?3 ORDER BY killed_at_us, oom_kill_id LIMIT ?4",
        cgroup_id, kill.killed_at_us, kClockSlack_us, kill.logged.counted_count);
    while (counted.step()) {
      if (!cgroup_id) cgroup_id = counted.integer(1);
      if (counted.integer(1) == *cgroup_id) told.push_back(counted.integer(0));
    }
  }
  if (told.empty()) {
    return *sql_.number(
        "INSERT INTO oom_kill (killed_at_us, source, scope, seen_count) "
        "VALUES (?1, 'kernel_log', 'cgroup', 0) RETURNING oom_kill_id",
        kill.killed_at_us);
  }
  for (std::size_t i = 1; i < told.size(); ++i) sql_.execute("DELETE FROM oom_kill WHERE oom_kill_id = ?1", told[i]);
  // The remaining row counts one.
  sql_.execute(kSeen, told.front(), static_cast<std::int64_t>(told.size() - 1), cgroup_id, std::string());
  return told.front();
}

void OomKillRows::record(const core::CountedOomKills& counted) {
  const std::int64_t cgroup_id = cgroups_.id_of(counted.id, counted.at_us);
  core::CountedOomKills left = counted;
  left.count = match_with_log(counted, cgroup_id);
  add_counted(left, cgroup_id);
}

/// What is left of the count: kills of the cgroup itself, also where it had no row yet when the kernel log told of
/// them, of a group that the cgroup is in, and of those whose cgroup nobody knows are on record already.
std::uint64_t OomKillRows::match_with_log(const core::CountedOomKills& counted, std::int64_t cgroup_id) {
  struct Match {
    std::int64_t oom_kill_id, count, killed_at_us;
    bool gets_cgroup;
  };
  std::vector<Match> matches;
  std::uint64_t left = counted.count;
  // When the counter can have risen, also if the clock was set meanwhile. The previous sample may be of an earlier run.
  const std::int64_t since_us =
      counted.since_at_us ? *counted.since_at_us
                          : *sql_.number("SELECT last_seen_at_us FROM cgroup WHERE cgroup_id = ?1", cgroup_id);
  {
    Use open = sql_.use(
        "SELECT oom_kill_id, counted_count - seen_count, killed_at_us, "
        "  cgroup_id IS NULL OR (victim_path = ?2 AND cgroup_id <> ?1) FROM oom_kill "
        "WHERE source = 'kernel_log' AND seen_count < counted_count AND killed_at_us BETWEEN ?3 AND ?4 "
        "AND log_boot_id = (SELECT boot_id FROM kernel_log) "
        "AND (cgroup_id = ?1 OR victim_path = ?2 "
        "  OR substr(?2 || '/', 1, length(group_path) + 1) = group_path || '/' "
        "  OR (cgroup_id IS NULL AND victim_path IS NULL)) "
        "ORDER BY victim_path IS NOT ?2, cgroup_id IS NOT ?1, cgroup_id IS NULL, killed_at_us",
        cgroup_id, counted.id.path, std::min(since_us, counted.at_us) - kClockSlack_us,
        std::max(since_us, counted.at_us) + kClockSlack_us);
    while (left > 0 && open.step()) {
      const auto count = std::min(static_cast<std::int64_t>(left), open.integer(1));
      matches.push_back({open.integer(0), count, open.integer(2), open.integer(3) != 0});
      left -= static_cast<std::uint64_t>(count);
    }
  }
  for (const Match& match : matches) {
    sql_.execute(kSeen, match.oom_kill_id, match.count, cgroup_id, counted.id.path);
    if (match.gets_cgroup) explain_again({match.oom_kill_id, cgroup_id, match.killed_at_us}, counted.id.path);
  }
  return left;
}

/// A kill that the kernel log told of, and whose cgroup has become known only now: its row has what was said.
void OomKillRows::explain_again(const Victim& victim, const std::string& path) {
  core::OomEvidence evidence = evidence_of(victim);
  {
    Use told = sql_.use(
        "SELECT scope, ifnull(limit_path, ''), measured_by = 'kernel_log', limit_bytes, usage_bytes, anon_bytes, "
        "cache_bytes + ifnull(shmem_bytes, 0), shmem_bytes, dirty_bytes, kernel_bytes, swap_bytes "
        "FROM oom_kill WHERE oom_kill_id = ?1",
        victim.oom_kill_id);
    if (!told.step()) return;
    evidence.scope = told.text(0) == "node" ? core::OomScope::node : core::OomScope::cgroup;
    place_limit(evidence, told.text(1), path);
    if (told.integer(2) != 0) {
      core::MemoryAtKill memory{.gauges = {}, .limit_bytes = told.amount(3)};
      using enum core::Gauge;
      int column = 4;
      for (const auto gauge : {usage, anon, file, shmem, dirty, kernel, swap})
        memory.gauges.set(gauge, told.amount(column++));
      evidence.at_kill = memory;
    }
  }
  explain(victim, evidence);
}

void OomKillRows::add_counted(const core::CountedOomKills& counted, std::int64_t cgroup_id) {
  std::optional<std::int64_t> earliest_at_us = counted.since_at_us;
  if (earliest_at_us) earliest_at_us = std::min(*earliest_at_us, counted.at_us);  // the clock may have been set back
  for (std::uint64_t i = 0; i < std::min(counted.count, kMaxCountedRows); ++i) {
    const auto oom_kill_id = sql_.number(
        "INSERT INTO oom_kill (cgroup_id, killed_at_us, earliest_at_us, source, scope) "
        "VALUES (?1, ?2, ?3, 'counter', 'cgroup') RETURNING oom_kill_id",
        cgroup_id, counted.at_us, earliest_at_us);
    const Victim victim{*oom_kill_id, cgroup_id, counted.at_us, /*by_counter=*/true};
    explain(victim, evidence_of(victim));
  }
}

void OomKillRows::explain(const Victim& victim, const core::OomEvidence& evidence) {
  const core::OomExplanation told = core::explain(evidence);
  const core::Gauges& gauges = told.gauges;
  Use row = sql_.use(
      "UPDATE oom_kill SET cause = nullif(?2, ''), measured_by = nullif(?3, ''), measured_at_us = ?4, "
      "limit_bytes = ?5, usage_bytes = ?6, anon_bytes = ?7, shmem_bytes = ?8, kernel_bytes = ?9, "
      "cache_bytes = ?10, dirty_bytes = ?11, swap_bytes = ?12, grew_from_at_us = ?13, grew_from_bytes = ?14, "
      "grew_to_bytes = ?15 WHERE oom_kill_id = ?1",
      victim.oom_kill_id, told.cause ? to_string(*told.cause) : "",
      std::string_view(!told.measured_at_us ? ""
                       : told.from_log      ? "kernel_log"
                                            : "sample"),
      told.measured_at_us, told.limit_bytes);
  using enum core::Gauge;
  for (const auto gauge : {usage, anon, shmem, kernel}) row.bind(gauges[gauge]);
  row.bind(gauges.has(file) ? std::optional(core::reclaimable_cache_bytes(gauges)) : std::nullopt);
  for (const auto gauge : {dirty, swap}) row.bind(gauges[gauge]);
  const auto& growth = told.growth;
  row.bind(growth ? std::optional(growth->from_at_us) : std::nullopt);
  row.bind(growth ? std::optional(growth->from_bytes) : std::nullopt);
  row.bind(growth ? std::optional(growth->to_bytes) : std::nullopt);
  row.step();
  sql_.execute(
      "UPDATE oom_kill AS this SET keeps_samples = NOT EXISTS (SELECT 1 FROM oom_kill o "
      "  LEFT JOIN cgroup c USING (cgroup_id) WHERE o.keeps_samples = 1 AND o.oom_kill_id <> this.oom_kill_id "
      "  AND o.killed_at_us BETWEEN this.killed_at_us - 86400000000 AND this.killed_at_us + 86400000000 "
      "  AND (o.cgroup_id IS this.cgroup_id OR c.workload = (SELECT workload FROM cgroup own "
      "    WHERE own.cgroup_id = this.cgroup_id))) "
      "WHERE oom_kill_id = ?1 AND (cgroup_id IS NOT NULL OR scope = 'node')",
      victim.oom_kill_id);
}

core::OomEvidence OomKillRows::evidence_of(const Victim& victim) {
  core::OomEvidence evidence;
  evidence.killed_at_us = victim.killed_at_us;
  if (!victim.cgroup_id) return evidence;
  {
    Use about = sql_.use(
        "SELECT c.first_seen_at_us, (SELECT effective_limit_bytes FROM cgroup_limit l "
        "  WHERE l.cgroup_id = c.cgroup_id AND l.changed_at_us <= ?2 ORDER BY l.changed_at_us DESC LIMIT 1), "
        "(SELECT count(*) FROM cgroup other JOIN oom_kill k ON k.cgroup_id = other.cgroup_id "
        "  WHERE other.workload = c.workload AND other.cgroup_id <> c.cgroup_id "
        "  AND k.killed_at_us BETWEEN ?2 - ?3 AND ?2 AND k.killed_at_us - other.first_seen_at_us < ?4) "
        "FROM cgroup c WHERE c.cgroup_id = ?1",
        *victim.cgroup_id, victim.killed_at_us, base::kDay_us, core::kEarly_us);
    if (about.step()) {
      evidence.first_seen_at_us = about.integer(0);
      evidence.limit_bytes = about.amount(1);
      evidence.early_kill_count = about.integer(2);
    }
  }
  const std::int64_t until_us = victim.killed_at_us - (victim.by_counter ? 1 : 0);
  // A sample is found by its key, scan by scan. The newest first, so that the limit drops the oldest.
  Use row = sql_.use(
      "SELECT sc.started_at_us, s.usage_kib, s.anon_kib, s.file_kib, s.shmem_kib, s.dirty_kib, "
      "s.kernel_kib, s.swap_kib FROM scan sc CROSS JOIN sample s "
      "WHERE sc.started_at_us BETWEEN ?2 AND ?3 AND s.scan_id = sc.scan_id AND s.cgroup_id = ?1 "
      "ORDER BY sc.started_at_us DESC LIMIT ?4",
      *victim.cgroup_id, victim.killed_at_us - kLookBack_us, until_us, std::int64_t{kMaxSamples});
  while (row.step()) {
    core::MemoryBefore& before = evidence.before.emplace_back();
    before.at_us = row.integer(0);
    using enum core::Gauge;
    int column = 1;
    for (const auto gauge : {usage, anon, file, shmem, dirty, kernel, swap}) {
      if (const auto kib = row.amount(column++)) before.gauges.set(gauge, *kib * 1024);
    }
  }
  std::reverse(evidence.before.begin(), evidence.before.end());
  return evidence;
}

}  // namespace cgmm::store
