// SPDX-License-Identifier: Apache-2.0
#include "store/write/oom_kills.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "store/write/oom_dumps.hpp"
#include "store/write/why_killed.hpp"

namespace cgmm::store {
namespace {

/// Of the same cgroup as ?1, also under another name.
constexpr const char* kNames =
    "(SELECT name.cgroup_id FROM cgroup own JOIN cgroup name "
    "  ON name.cgroup_id = own.cgroup_id OR (own.inode <> 0 AND name.inode = own.inode) WHERE own.cgroup_id = ?1) ";

/// The scope that all versions know.
std::string_view coarse(core::OomScope scope) { return is_of_cgroup(scope) ? "cgroup" : "node"; }

/// What the log tells later of a kill that was recorded without its end, it tells soon.
constexpr std::int64_t kEndsWithin_us = base::kMinute_us;

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
  if (ends_a_begun_one(kill)) return;
  const std::optional<std::int64_t> cgroup_id = holder_of(kill);
  const std::int64_t oom_kill_id = take_place_of_counted(kill, cgroup_id);
  store_log(oom_kill_id, kill, cgroup_id);
  store_dump(sql_, oom_kill_id, kill.logged);
  if (cgroup_id) counts_.name(oom_kill_id, *cgroup_id, /*is_settled=*/false);
  explain_kill(sql_, oom_kill_id);
}

/// The "Killed process" line of a kill that is on record already without it.
bool OomKillRows::ends_a_begun_one(const core::OomKill& kill) {
  const core::LoggedKill& logged = kill.logged;
  const bool is_named = !logged.victim_path.empty() && !kill.is_by_pid;
  if (!logged.dump.is_end_told || is_named || !logged.victim_pid) return false;
  return sql_.execute(
             "UPDATE oom_kill SET end_told = NULL, log_sequence = ?1, anon_rss_bytes = ?2, file_rss_bytes = ?3, "
             "shmem_rss_bytes = ?4 WHERE end_told = 0 AND log_boot_id = ?5 AND victim_pid = ?6 "
             "AND victim_comm = nullif(?7, '') AND kill_count = 1 AND killed_at_us BETWEEN ?8 - ?9 AND ?8 + ?9",
             to_sql(logged.sequence), logged.anon_rss_bytes, logged.file_rss_bytes, logged.shmem_rss_bytes,
             kill.position.boot_id, *logged.victim_pid, logged.victim_comm, kill.killed_at_us, kEndsWithin_us) > 0;
}

void OomKillRows::store_log(std::int64_t oom_kill_id, const core::OomKill& kill,
                            std::optional<std::int64_t> cgroup_id) {
  const core::LoggedKill& logged = kill.logged;
  const bool is_named = cgroup_id || !logged.victim_path.empty();
  static const std::string kTold =
      "UPDATE oom_kill SET source = 'kernel_log', earliest_at_us = NULL, cgroup_id = ?2, killed_at_us = ?, scope = ?, "
      "victim_pid = ?, victim_comm = nullif(?, ''), victim_uid = ?, anon_rss_bytes = ?, file_rss_bytes = ?, "
      "shmem_rss_bytes = ?, victim_path = nullif(?, ''), limit_path = nullif(?, ''), group_path = nullif(?, ''), "
      "process_count = ?, counted_count = ?, log_boot_id = ?, log_sequence = ?, cgroup_by = nullif(?, ''), "
      "measured_by = nullif(?, ''), " +
      std::string(kSetMemory) + " WHERE oom_kill_id = ?1";
  Use row = sql_.use(kTold, oom_kill_id, cgroup_id, kill.killed_at_us, coarse(logged.scope), logged.victim_pid,
                     logged.victim_comm, logged.victim_uid, logged.anon_rss_bytes, logged.file_rss_bytes,
                     logged.shmem_rss_bytes, logged.victim_path, logged.limit_path, logged.group_path,
                     logged.process_count, logged.counted_count, kill.position.boot_id, to_sql(logged.sequence),
                     std::string_view(!is_named        ? ""
                                      : kill.is_by_pid ? "pid"
                                                       : "kernel_log"),
                     std::string_view(logged.memory ? "kernel_log" : ""));
  bind_memory(row, logged.memory.value_or(core::MemoryAtKill{}));
  row.step();
}

/// The row of the cgroup that held the victim, else of the nearest one above it; of a container's nothing above it, but
/// a new row. nullopt: it is not tracked, or not known: of a group kill only the topmost cgroup may be told.
std::optional<std::int64_t> OomKillRows::holder_of(const core::OomKill& kill) {
  const std::string& told = kill.logged.victim_path.empty() ? kill.logged.group_path : kill.logged.victim_path;
  const bool in_container = !kill.container.container_id.empty();
  if (kill.logged.victim_path.empty() && !in_container && !told.empty() &&
      sql_.number("SELECT 1 FROM cgroup WHERE vanished_at_us IS NULL AND substr(path, 1, length(?1) + 1) = ?1 || '/'",
                  told))
    return std::nullopt;
  for (std::string path = told; !path.empty(); path.resize(path.rfind('/'))) {
    if (in_container && path.size() < kill.id.path.size()) break;
    if (const auto cgroup_id = row_of_path(kill, path)) return cgroup_id;
    if (path.find('/') == std::string::npos) break;
  }
  if (!in_container) return std::nullopt;
  return cgroups_.add_unseen(kill.id, kill.container, kill.killed_at_us);
}

/// Its own row first, else that of the same path: it may have been made again before its inode was read. One that was
/// seen before the kill comes before one that was first seen after it.
std::optional<std::int64_t> OomKillRows::row_of_path(const core::OomKill& kill, const std::string& path) {
  for (const std::uint64_t inode : {path == kill.id.path ? kill.id.inode : 0, std::uint64_t{0}}) {
    const auto cgroup_id = sql_.number(
        "SELECT cgroup_id FROM cgroup WHERE path = ?1 AND ?2 IN (0, inode) AND first_seen_at_us <= ?3 + ?4 "
        "ORDER BY first_seen_at_us > ?3, first_seen_at_us DESC, cgroup_id DESC LIMIT 1",
        path, inode_to_sql(inode), kill.killed_at_us, kClockSlack_us);
    if (cgroup_id) return cgroup_id;
  }
  return std::nullopt;
}

/// The row for the kill: a new one, or the first of those that a counter reported. Then the other rows of the same kill
/// are deleted.
std::int64_t OomKillRows::take_place_of_counted(const core::OomKill& kill, std::optional<std::int64_t> cgroup_id) {
  std::optional<std::int64_t> place;
  std::int64_t seen_count = 0;
  const bool is_elsewhere = !cgroup_id && !kill.logged.victim_path.empty();
  while (!is_elsewhere && seen_count < kill.logged.counted_count) {
    const auto rise = counts_.find(kill.killed_at_us, cgroup_id, kill.logged.group_path, KillCounts::Left::free_then);
    if (!rise) break;
    const auto row = counts_.claim(*rise, cgroup_id.has_value());
    if (row && place) sql_.execute("DELETE FROM oom_kill WHERE oom_kill_id = ?1", *row);
    if (row && !place) sql_.execute("UPDATE oom_kill SET source = 'kernel_log' WHERE oom_kill_id = ?1", *row);
    if (!place) place = row;
    ++seen_count;
  }
  if (!place) {
    place = sql_.number(
        "INSERT INTO oom_kill (killed_at_us, source, scope) VALUES (?1, 'kernel_log', 'cgroup') RETURNING oom_kill_id",
        kill.killed_at_us);
  }
  sql_.execute("UPDATE oom_kill SET seen_count = ?2 WHERE oom_kill_id = ?1", *place, seen_count);
  return *place;
}

void OomKillRows::record(const core::CountedOomKills& counted) {
  const std::int64_t cgroup_id = cgroups_.id_of(counted.id, counted.at_us);
  // The previous sample may be of an earlier run, or of the time when it had another name.
  const std::int64_t since_us =
      counted.since_at_us
          ? *counted.since_at_us
          : *sql_.number(
                "SELECT iif(first_seen_at_us < ?2, last_seen_at_us, ifnull((SELECT max(o.last_seen_at_us) "
                "  FROM cgroup o WHERE o.inode = c.inode AND o.cgroup_id <> c.cgroup_id), last_seen_at_us)) "
                "FROM cgroup c WHERE cgroup_id = ?1",
                cgroup_id, counted.at_us);
  const std::uint64_t named_count = match_named(counted, cgroup_id, since_us);
  counts_.add(counted, cgroup_id, since_us, named_count);
}

/// How much of the count is on record: kills of the cgroup itself, also where it had no row yet when the kernel log
/// told of them, or another name, and of a group that the cgroup is in.
std::uint64_t OomKillRows::match_named(const core::CountedOomKills& counted, std::int64_t cgroup_id,
                                       std::int64_t since_us) {
  struct Match {
    std::int64_t oom_kill_id, count;
    bool gets_cgroup;
  };
  std::vector<Match> matches;
  std::uint64_t left = counted.count;
  {
    static const std::string kOpen =
        "SELECT oom_kill_id, counted_count - seen_count, victim_path = ?2 AND cgroup_id IS NOT ?1 "
        "  AND cgroup_id NOT IN " +
        std::string(kNames) +
        " IS NOT 0 FROM oom_kill "
        "WHERE source = 'kernel_log' AND seen_count < counted_count AND killed_at_us BETWEEN ?3 AND ?4 "
        "AND log_boot_id = (SELECT boot_id FROM kernel_log) "
        "AND (cgroup_id IN " +
        std::string(kNames) +
        " OR victim_path = ?2 "
        "  OR substr(?2 || '/', 1, length(group_path) + 1) = group_path || '/') "
        "ORDER BY victim_path IS NOT ?2, cgroup_id IS NOT ?1, cgroup_id IS NULL, killed_at_us";
    // When the counter can have risen, also if the clock was set meanwhile.
    Use open = sql_.use(kOpen, cgroup_id, counted.id.path, std::min(since_us, counted.at_us) - kClockSlack_us,
                        std::max(since_us, counted.at_us) + (since_us > counted.at_us ? kClockSlack_us : kNoSlack_us));
    while (left > 0 && open.step()) {
      const auto count = std::min(static_cast<std::int64_t>(left), open.integer(1));
      matches.push_back({open.integer(0), count, open.integer(2) != 0});
      left -= static_cast<std::uint64_t>(count);
    }
  }
  for (const Match& match : matches) {
    sql_.execute(
        "UPDATE oom_kill SET seen_count = seen_count + ?2, cgroup_id = iif(?4, ?3, cgroup_id) "
        "WHERE oom_kill_id = ?1",
        match.oom_kill_id, match.count, cgroup_id, std::int64_t{match.gets_cgroup});
    if (match.gets_cgroup) explain_kill(sql_, match.oom_kill_id);
  }
  return counted.count - left;
}

}  // namespace cgmm::store
