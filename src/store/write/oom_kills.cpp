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

/// The columns of what was measured, in the order of bind_memory().
constexpr std::string_view kSetMemory =
    "limit_bytes = ?, usage_bytes = ?, anon_bytes = ?, shmem_bytes = ?, kernel_bytes = ?, cache_bytes = ?, "
    "dirty_bytes = ?, swap_bytes = ?";

void bind_memory(Use& row, const core::MemoryAtKill& memory) {
  const core::Gauges& gauges = memory.gauges;
  row.bind(memory.limit_bytes);
  using enum core::Gauge;
  for (const auto gauge : {usage, anon, shmem, kernel}) row.bind(gauges[gauge]);
  row.bind(gauges.has(file) ? std::optional(core::reclaimable_cache_bytes(gauges)) : std::nullopt);
  for (const auto gauge : {dirty, swap}) row.bind(gauges[gauge]);
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
  std::optional<std::int64_t> cgroup_id = holder_of(kill);
  const std::int64_t oom_kill_id = take_place_of_counted(kill, cgroup_id);
  {
    static const std::string kTold =
        "UPDATE oom_kill SET source = 'kernel_log', earliest_at_us = NULL, cgroup_id = ?2, killed_at_us = ?, scope = "
        "?, "
        "victim_pid = ?, victim_comm = nullif(?, ''), victim_uid = ?, anon_rss_bytes = ?, file_rss_bytes = ?, "
        "shmem_rss_bytes = ?, victim_path = nullif(?, ''), limit_path = nullif(?, ''), group_path = nullif(?, ''), "
        "process_count = ?, counted_count = ?, log_boot_id = ?, log_sequence = ?, measured_by = nullif(?, ''), " +
        std::string(kSetMemory) + " WHERE oom_kill_id = ?1";
    Use row = sql_.use(kTold, oom_kill_id, cgroup_id, kill.killed_at_us,
                       std::string_view(logged.scope == core::OomScope::node ? "node" : "cgroup"), logged.victim_pid,
                       logged.victim_comm, logged.victim_uid, logged.anon_rss_bytes, logged.file_rss_bytes,
                       logged.shmem_rss_bytes, logged.victim_path, logged.limit_path, logged.group_path,
                       logged.process_count, logged.counted_count, kill.position.boot_id, to_sql(logged.sequence),
                       std::string_view(logged.memory ? "kernel_log" : ""));
    bind_memory(row, logged.memory.value_or(core::MemoryAtKill{}));
    row.step();
  }
  explain(oom_kill_id);
}

/// The row of the cgroup that held the victim, else of the nearest one above it; of a container's nothing above it, but
/// a new row. nullopt: it is not tracked.
std::optional<std::int64_t> OomKillRows::holder_of(const core::OomKill& kill) {
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
      if (cgroup_id) return cgroup_id;
    }
    if (path.find('/') == std::string::npos) break;
  }
  if (!in_container) return std::nullopt;
  return cgroups_.add_unseen(kill.id, kill.container, kill.killed_at_us);
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
  const std::uint64_t left = match_with_log(counted, cgroup_id);
  for (std::uint64_t i = 0; i < std::min(left, kMaxCountedRows); ++i) {
    // The clock may have been set back since the previous sample.
    explain(
        *sql_.number("INSERT INTO oom_kill (cgroup_id, killed_at_us, earliest_at_us, source, scope) "
                     "VALUES (?1, ?2, min(?3, ?2), 'counter', 'cgroup') RETURNING oom_kill_id",
                     cgroup_id, counted.at_us, counted.since_at_us));
  }
}

/// What is left of the count: kills of the cgroup itself, also where it had no row yet when the kernel log told of
/// them, of a group that the cgroup is in, and of those whose cgroup nobody knows are on record already.
std::uint64_t OomKillRows::match_with_log(const core::CountedOomKills& counted, std::int64_t cgroup_id) {
  struct Match {
    std::int64_t oom_kill_id, count;
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
        "SELECT oom_kill_id, counted_count - seen_count, "
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
      matches.push_back({open.integer(0), count, open.integer(2) != 0});
      left -= static_cast<std::uint64_t>(count);
    }
  }
  for (const Match& match : matches) {
    sql_.execute(kSeen, match.oom_kill_id, match.count, cgroup_id, counted.id.path);
    if (match.gets_cgroup) explain(match.oom_kill_id);
  }
  return left;
}

void OomKillRows::explain(std::int64_t oom_kill_id) {
  const core::OomExplanation why = core::explain(evidence_of(oom_kill_id));
  {
    static const std::string kWhy =
        "UPDATE oom_kill SET cause = nullif(?2, ''), measured_by = nullif(?, ''), measured_at_us = ?, "
        "grew_from_at_us = ?, grew_from_bytes = ?, grew_to_bytes = ?, " +
        std::string(kSetMemory) + " WHERE oom_kill_id = ?1";
    Use row = sql_.use(kWhy, oom_kill_id, why.cause ? to_string(*why.cause) : "",
                       std::string_view(!why.measured_at_us ? ""
                                        : why.from_log      ? "kernel_log"
                                                            : "sample"),
                       why.measured_at_us);
    const auto& growth = why.growth;
    row.bind(growth ? std::optional(growth->from_at_us) : std::nullopt);
    row.bind(growth ? std::optional(growth->from_bytes) : std::nullopt);
    row.bind(growth ? std::optional(growth->to_bytes) : std::nullopt);
    bind_memory(row, {.gauges = why.gauges, .limit_bytes = why.limit_bytes});
    row.step();
  }
  sql_.execute(
      "UPDATE oom_kill AS this SET keeps_samples = NOT EXISTS (SELECT 1 FROM oom_kill o "
      "  LEFT JOIN cgroup c USING (cgroup_id) WHERE o.keeps_samples = 1 AND o.oom_kill_id <> this.oom_kill_id "
      "  AND o.killed_at_us BETWEEN this.killed_at_us - 86400000000 AND this.killed_at_us + 86400000000 "
      "  AND (o.cgroup_id IS this.cgroup_id OR c.workload = (SELECT workload FROM cgroup own "
      "    WHERE own.cgroup_id = this.cgroup_id))) "
      "WHERE oom_kill_id = ?1 AND (cgroup_id IS NOT NULL OR scope = 'node')",
      oom_kill_id);
}

/// What was told of the kill, and the history of the cgroup.
core::OomEvidence OomKillRows::evidence_of(std::int64_t oom_kill_id) {
  core::OomEvidence evidence;
  using enum core::Gauge;
  if (Use kill = sql_.use(
          "SELECT k.killed_at_us, k.scope = 'node', length(CAST(k.limit_path AS BLOB)) "
          "  - ifnull(length(CAST(coalesce(c.path, k.victim_path) AS BLOB)), 0), c.first_seen_at_us, "
          "(SELECT effective_limit_bytes FROM cgroup_limit l WHERE l.cgroup_id = k.cgroup_id "
          "  AND l.changed_at_us <= k.killed_at_us ORDER BY l.changed_at_us DESC LIMIT 1), "
          "(SELECT CAST(total(o.kill_count) AS INTEGER) FROM cgroup other JOIN oom_kill o ON o.cgroup_id = "
          "other.cgroup_id "
          "  WHERE other.workload = c.workload AND other.cgroup_id <> c.cgroup_id "
          "  AND o.killed_at_us BETWEEN k.killed_at_us - ?2 AND k.killed_at_us "
          "  AND o.killed_at_us - other.first_seen_at_us < ?3), "
          "k.measured_by IS 'kernel_log', k.limit_bytes, k.usage_bytes, k.anon_bytes, "
          "k.cache_bytes + ifnull(k.shmem_bytes, 0), k.shmem_bytes, k.dirty_bytes, k.kernel_bytes, k.swap_bytes "
          "FROM oom_kill k LEFT JOIN cgroup c USING (cgroup_id) WHERE k.oom_kill_id = ?1",
          oom_kill_id, base::kDay_us, core::kEarly_us);
      kill.step()) {
    evidence.killed_at_us = kill.integer(0);
    evidence.scope = kill.integer(1) != 0 ? core::OomScope::node : core::OomScope::cgroup;
    evidence.limit_is_above = kill.integer(2) < 0;  // a longer path is below a shorter one
    evidence.limit_is_below = kill.integer(2) > 0;
    evidence.first_seen_at_us = kill.number(3);
    evidence.limit_bytes = kill.amount(4);
    evidence.early_kill_count = kill.integer(5);
    if (kill.integer(6) != 0) {
      core::MemoryAtKill& memory = evidence.at_kill.emplace();
      memory.limit_bytes = kill.amount(7);
      int column = 8;
      for (const auto gauge : {usage, anon, file, shmem, dirty, kernel, swap})
        memory.gauges.set(gauge, kill.amount(column++));
    }
  }
  // A sample is found by its key, scan by scan. The newest first, so that the limit drops the oldest. That of the scan
  // in which a counter rose is from after the kill.
  Use row = sql_.use(
      "SELECT sc.started_at_us, s.usage_kib, s.anon_kib, s.file_kib, s.shmem_kib, s.dirty_kib, s.kernel_kib, "
      "s.swap_kib FROM oom_kill k CROSS JOIN scan sc CROSS JOIN sample s WHERE k.oom_kill_id = ?1 "
      "AND sc.started_at_us BETWEEN k.killed_at_us - ?2 AND k.killed_at_us - (k.source = 'counter') "
      "AND s.scan_id = sc.scan_id AND s.cgroup_id = k.cgroup_id ORDER BY sc.started_at_us DESC LIMIT ?3",
      oom_kill_id, kLookBack_us, std::int64_t{kMaxSamples});
  while (row.step()) {
    core::MemoryBefore& before = evidence.before.emplace_back();
    before.at_us = row.integer(0);
    int column = 1;
    for (const auto gauge : {usage, anon, file, shmem, dirty, kernel, swap}) {
      if (const auto kib = row.amount(column++)) before.gauges.set(gauge, *kib * 1024);
    }
  }
  std::ranges::reverse(evidence.before);
  return evidence;
}

}  // namespace cgmm::store
