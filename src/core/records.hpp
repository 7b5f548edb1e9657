// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the daemon gives to the store: plain data, made by one thread and moved to another. Times are Unix microseconds
// (`_at_us`), durations microseconds (`_us`).

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/optional_number.hpp"
#include "base/time.hpp"
#include "core/container.hpp"
#include "core/policy.hpp"
#include "core/sample.hpp"
#include "core/shared_path.hpp"
#include "core/stuck.hpp"
#include "core/table.hpp"
#include "core/workload.hpp"

namespace cgmm::core {

/// How much and how long the history stays.
struct RetentionSettings {
  std::int64_t samples_us = 2 * base::kDay_us;
  std::int64_t incidents_us = 90 * base::kDay_us;  // samples around an OOM kill
  std::int64_t hours_us = 400 * base::kDay_us;
  std::int64_t events_us = 400 * base::kDay_us;  // reclaims, OOM kills, limits, service events, cgroups that ended
  std::int64_t max_size_bytes = 1LL << 30;       // of the database with its WAL
  bool archive = false;                          // samples move to the archive
  std::int64_t archive_after_us = 2 * base::kHour_us;

  friend bool operator==(const RetentionSettings&, const RetentionSettings&) = default;
};

/// Identifies a cgroup within a run of the service. Never reused within a run.
using CgroupKey = std::uint32_t;

/// A cgroup as the rows of its samples refer to it. Never changes: after a change of a limit, the next rows refer to
/// another one with the same key.
struct TrackedCgroup {
  CgroupKey key = 0;
  SharedId id;
  std::uint32_t parent_length = 0;  // of id.path, of the parent directory's part
  Limits limits;
  base::OptionalNumber<std::uint64_t> oom_kills_before;  // its counter when it was first read; none: not read yet
  std::int64_t made_after_us = 0;                        // 0: not known
  CgroupKind kind = CgroupKind::leaf;

  /// Of its container, or of the pod that it is, as far as the path tells. Not a member, because there may be
  /// thousands of these.
  ContainerIdentity container() const { return identity_of(id.path.string(), parent_length); }
};

/// Shared, because a scan that waits for the disk may outlive the sampler's cgroup.
using CgroupRef = std::shared_ptr<const TrackedCgroup>;

/// The names of a container, from the node's log files.
struct NamedCgroup {
  CgroupId id;
  ContainerIdentity container;
  ContainerNames names;
};

/// All that is known of a cgroup's names now. They may be empty.
struct NamesOf {
  CgroupId id;
  ContainerNames names;
  bool is_final = false;  // nobody will look for more
};

struct ScanRow {
  CgroupRef cgroup;
  Gauges gauges;       // bytes; `peak` as peak_since() has it; of a pod or an inner cgroup: its remainder
  Counters increases;  // since the cgroup's previous sample
  std::optional<std::uint64_t> oom_kills_total;  // the kernel's absolute counter; nullopt: it has none
  StuckState stuck = StuckState::unknown;        // yes: Scan::stuck has more
};

struct StuckCgroup {
  CgroupKey key = 0;
  Standstill stuck;
};

/// One pass over all tracked cgroups. A cgroup has vanished when a full scan has it neither in `rows` nor in `unread`.
struct Scan {
  std::int64_t started_at_us = 0;
  std::int64_t duration_us = 0;
  std::int64_t late_us = 0;      // how long after its time it began, including missed scans
  std::int64_t interval_us = 0;  // to the next scan, as configured now
  std::int64_t error_count = 0;  // cgroups that could not be read (not those that vanished)
  std::int64_t cpu_us = 0;       // of the sampler since the previous scan, including near-limit sampling
  bool is_partial = false;       // near-limit sampling, between two full scans
  std::vector<ScanRow> rows;
  std::vector<StuckCgroup> stuck;
  std::vector<CgroupKey> unread;  // tracked cgroups that could not be read in this scan
  std::vector<CgroupKey> hidden;  // that are not tracked any more, but are still there
};

/// An enum's value as the database has it; `words`: of all its values, in their order.
template <class Enum>
constexpr std::string_view word_of(Enum value, std::initializer_list<std::string_view> words) {
  return words.begin()[static_cast<std::size_t>(value)];
}

inline std::string_view to_string(CgroupKind kind) { return word_of(kind, {"container", "pod", "inner", "leaf"}); }

enum class ReclaimMethod : std::uint8_t { force_empty, memory_reclaim };
inline std::string_view to_string(ReclaimMethod method) { return word_of(method, {"force_empty", "memory.reclaim"}); }

enum class ReclaimOutcome : std::uint8_t { started, done, partial, failed, vanished, interrupted, dry_run };
inline std::string_view to_string(ReclaimOutcome outcome) {
  return word_of(outcome, {"started", "done", "partial", "failed", "vanished", "interrupted", "dry_run"});
}

/// Why a reclaim ended; schema/0002 explains each.
enum class StoppedBy : std::uint8_t { target, nothing_left, pressure, timeout, stop, vanished, error };
inline std::string_view to_string(StoppedBy stopped_by) {
  return word_of(stopped_by, {"target", "nothing_left", "pressure", "timeout", "stop", "vanished", "error"});
}

enum class Verdict : std::uint8_t {
  effective,  // little of what it freed was read again
  churn,      // most of it was
  futile,     // it freed almost nothing
  failed,
  unknown  // observed for too short a time, or the kernel counts no refaults
};
inline std::string_view to_string(Verdict verdict) {
  return word_of(verdict, {"effective", "churn", "futile", "failed", "unknown"});
}

enum class JudgedBy : std::uint8_t { amount, refaults, regrowth };
inline std::string_view to_string(JudgedBy by) { return word_of(by, {"amount", "refaults", "regrowth"}); }

/// What ended an observation; schema/0002 explains each.
enum class ObservationEnd : std::uint8_t { observe_for, next_reclaim, vanished, stop, at_once };
inline std::string_view to_string(ObservationEnd ended_by) {
  return word_of(ended_by, {"observe_for", "next_reclaim", "vanished", "stop", "at_once"});
}

/// One forced reclaim. Recorded twice: at its start, before the kernel is asked, and at its end.
struct Reclaim {
  std::int64_t reclaim_id = 0;  // counts from 1 in every run; the store adds what is on record
  CgroupId id;
  std::int64_t started_at_us = 0;
  std::optional<std::int64_t> duration_us;  // from the first request to the kernel's last answer
  ReclaimMethod method = ReclaimMethod::force_empty;
  std::uint64_t threshold_bytes = 0;
  std::optional<std::uint64_t> requested_bytes;  // nullopt: everything (force_empty, down to 0)
  Gauges before;
  std::optional<Gauges> after;               // nullopt: could not be read
  std::optional<std::uint64_t> freed_bytes;  // the decrease of usage, at least 0; of file if usage is not known
  ReclaimOutcome outcome = ReclaimOutcome::started;
  std::optional<StoppedBy> stopped_by;
  std::int64_t step_count = 0;               // how many times the kernel was asked
  std::optional<std::uint64_t> psi_some_us;  // time in which some task of the cgroup waited for memory
  std::string error;                         // in words, with the kernel's message; empty: none
};

/// The effect of a reclaim, recorded during the observation and at its end. The last record of a reclaim_id is valid.
struct Effect {
  std::int64_t reclaim_id = 0;
  std::int64_t observed_for_us = 0;                // since the reclaim's end
  std::optional<std::uint64_t> refaulted_bytes;    // nullopt: the kernel does not count refaults
  std::optional<std::uint64_t> regrown_bytes;      // growth of the reclaimable cache since the reclaim
  std::optional<std::uint64_t> held_byte_seconds;  // memory that stayed free, times how long
  Verdict verdict = Verdict::unknown;
  std::optional<JudgedBy> judged_by;       // nullopt: too little is known
  std::optional<ObservationEnd> ended_by;  // nullopt: it is still observed
};

/// What ran out, as far as the kernel's log tells it.
enum class OomScope : std::uint8_t {
  cgroup,           // a cgroup reached its memory limit
  node,             // the node had no memory left
  memory_and_swap,  // a cgroup reached its limit of memory and swap together (cgroup v1)
  cpuset,           // the NUMA nodes that a cpuset allows had no memory left
  memory_policy,    // the NUMA nodes that a memory policy allows had no memory left
  fragmentation,    // memory was free, but not in one piece of the size asked for, or not in the zone asked for
  sysrq             // nothing: somebody asked for a kill by SysRq
};
inline std::string_view to_string(OomScope scope) {
  return word_of(scope, {"cgroup", "node", "memory_and_swap", "cpuset", "memory_policy", "fragmentation", "sysrq"});
}
/// From the word in the database; cgroup for any other.
inline OomScope oom_scope_of(std::string_view word) {
  for (const OomScope scope : {OomScope::node, OomScope::memory_and_swap, OomScope::cpuset, OomScope::memory_policy,
                               OomScope::fragmentation, OomScope::sysrq}) {
    if (to_string(scope) == word) return scope;
  }
  return OomScope::cgroup;
}
/// A cgroup's limit was hit; else the kernel chose among all processes of the node.
inline bool is_of_cgroup(OomScope scope) { return scope == OomScope::cgroup || scope == OomScope::memory_and_swap; }

/// The memory of the cgroup that hit its limit, with its descendants, as the kernel printed it. Not for a node-wide
/// kill.
struct MemoryAtKill {
  Gauges gauges;                                    // bytes
  std::optional<std::uint64_t> limit_bytes;         // that was hit; nullopt: none, or not known
  std::optional<std::uint64_t> memory_limit_bytes;  // memory_and_swap: the limit of memory alone; nullopt: none

  friend bool operator==(const MemoryAtKill&, const MemoryAtKill&) = default;
};

/// A process of the table that the kernel prints at a kill.
struct ListedProcess {
  std::int64_t pid = 0;
  std::string comm;  // as LoggedKill::victim_comm
  std::optional<std::int64_t> uid;
  std::uint64_t rss_bytes = 0;                                       // in memory; what processes share counts for each
  std::optional<std::uint64_t> anon_bytes, file_bytes, shmem_bytes;  // of it (Linux 6.8 and later)
  std::optional<std::uint64_t> swap_bytes;
  std::optional<std::int64_t> oom_score_adj;

  std::uint64_t held_bytes() const { return rss_bytes + swap_bytes.value_or(0); }
  friend bool operator==(const ListedProcess&, const ListedProcess&) = default;
};

/// That table: the processes of the cgroup that hit its limit with all below it, or of the node.
struct ProcessTable {
  std::int64_t count = 0;          // of all processes in it
  std::uint64_t rss_bytes = 0;     // the sum of all
  std::uint64_t swap_bytes = 0;    // the sum of all
  std::vector<ListedProcess> top;  // ten at most, by held_bytes()

  friend bool operator==(const ProcessTable&, const ProcessTable&) = default;
};

/// The memory of the whole node at a kill. nullopt: not told.
struct NodeMemory {
  std::optional<std::uint64_t> total_bytes, free_bytes, active_anon_bytes, inactive_anon_bytes, active_file_bytes,
      inactive_file_bytes, shmem_bytes, slab_reclaimable_bytes, slab_unreclaimable_bytes, dirty_bytes, writeback_bytes;

  friend bool operator==(const NodeMemory&, const NodeMemory&) = default;
};

/// What else the kernel prints at a kill.
struct OomDump {
  bool is_end_told = true;            // false: the log begins the kill, and does not say that it was carried out
  std::string numa_nodes;             // cpuset, memory_policy: those that it allows: "0-1,3"; "": not told
  std::optional<std::int64_t> order;  // so many pages in one piece were asked for: 2^order; nullopt: not told
  std::optional<ProcessTable> processes;
  std::optional<NodeMemory> node;  // not for the limit of a cgroup

  friend bool operator==(const OomDump&, const OomDump&) = default;
};

/// One OOM kill from the kernel log. With memory.oom.group one kill ends several processes.
struct LoggedKill {
  std::uint64_t sequence = 0;     // of its last log record
  std::int64_t logged_at_us = 0;  // of the record that named the victim: since boot, not counting suspend
  OomScope scope = OomScope::cgroup;
  std::string limit_path;   // the cgroup that hit its limit, below the hierarchy's root; "": none, or not known
  std::string victim_path;  // the victim's cgroup; "": not known (the kernel limits how often it logs it)
  std::string group_path;   // memory.oom.group: all processes below this cgroup were killed; "": only the victim
  std::optional<std::int64_t> victim_pid;
  std::string victim_comm;  // at most 15 bytes, any but NUL
  std::optional<std::int64_t> victim_uid;
  std::optional<std::uint64_t> anon_rss_bytes, file_rss_bytes, shmem_rss_bytes;  // of the victim
  std::int64_t process_count = 1;                                                // that were killed, each counted once
  std::int64_t counted_count = 1;  // what the kernel adds to its counter: a victim counts again as one of its group
  std::optional<MemoryAtKill> memory;
  OomDump dump;

  friend bool operator==(const LoggedKill&, const LoggedKill&) = default;
};

/// A position in the kernel log. Each boot begins a new log.
struct LogPosition {
  std::string boot_id;
  std::uint64_t sequence = 0;  // records up to this one are done
};

struct OomKill {
  LoggedKill logged;
  std::int64_t killed_at_us = 0;
  LogPosition position;
  CgroupId id;  // the container that the victim was in, else its own cgroup; inode 0: it is gone already
  ContainerIdentity container;  // of a tracked container; empty otherwise
  bool is_by_pid = false;       // the log does not name the cgroup; the process had been seen in logged.victim_path
};

/// An increase of a cgroup's counter of OOM kills. The kernel log reports the same kills.
struct CountedOomKills {
  CgroupId id;
  std::optional<std::int64_t> since_at_us;  // its previous sample, or before it was made; nullopt: in an earlier run
  std::int64_t at_us = 0;
  std::uint64_t count = 0;
};

/// A cgroup's cooldown from now on: a reclaim has begun it, an effect or a clock step has changed it.
struct CgroupCooldown {
  CgroupId id;
  Cooldown cooldown;
};

struct ServiceEvent {
  std::int64_t at_us = 0;
  std::string kind;    // one of the words that schema/0001 lists
  std::string detail;  // for a person
  std::string fault;   // for fault_begin and fault_end: one of the words that schema/0004 lists
};

/// Facts about the node and the current settings. schema/0001 lists the keys.
struct NodeFacts {
  Parameters facts;
};

using Record = std::variant<Scan, Reclaim, Effect, CgroupCooldown, OomKill, CountedOomKills, LogPosition, ServiceEvent,
                            NodeFacts, NamedCgroup>;

/// What must survive a restart, handed over once and by value.
struct Handover {
  Cooldowns cooldowns;
  std::optional<LogPosition> log_position;  // nullopt: the kernel log was never read
  std::string containers_seen_below;        // the parent below which earlier runs have seen containers; empty: none
  bool is_first_run = false;                // the history is empty: no run has written to it
  std::string crash_found;                  // what is known of an earlier run that did not stop in order; empty: it did
};

}  // namespace cgmm::core
