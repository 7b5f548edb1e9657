// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the daemon hands to the store: plain data, made by one thread and moved to another. Instants are Unix
// microseconds (`_at_us`), durations microseconds (`_us`).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/container.hpp"
#include "core/oom.hpp"
#include "core/policy.hpp"
#include "core/sample.hpp"
#include "core/table.hpp"
#include "core/workload.hpp"

namespace cgmm::core {

/// Names one incarnation of a cgroup within one run of the service, so that a path travels once and not in every scan.
/// Never reused within a run.
using CgroupKey = std::uint32_t;

/// A cgroup as the rows of its samples name it. It never changes: when a limit does, the rows that follow name another
/// one with the same key.
struct TrackedCgroup {
  CgroupKey key = 0;
  CgroupId id;
  std::uint32_t parent_length = 0;  // of id.path: what belongs to the parent directory
  Limits limits;

  /// As far as the path tells. Not a member, because there may be thousands of these.
  ContainerIdentity container() const;
};

/// Shared, because a scan may wait for the disk for longer than the sampler knows the cgroup, and copying a path into
/// every row would cost more than counting references.
using CgroupRef = std::shared_ptr<const TrackedCgroup>;

/// What the node tells of a container that has appeared.
struct NamedCgroup {
  CgroupId id;
  ContainerIdentity container;
  ContainerNames names;
};

/// One cgroup in one scan.
struct ScanRow {
  CgroupRef cgroup;
  Gauges gauges;                                 // bytes
  Counters increases;                            // since the cgroup's previous sample
  std::optional<std::uint64_t> oom_kills_total;  // the kernel's counter itself; nullopt where it has none
};

/// One pass over all tracked cgroups. It says which cgroups there are, so that nothing is missed for good when a scan
/// is lost: a cgroup gets on record with its first row that is stored, and has vanished when a scan has it neither in
/// `rows` nor in `unread`.
struct Scan {
  std::int64_t started_at_us = 0;
  std::int64_t duration_us = 0;
  std::int64_t late_us = 0;      // how long after its time it began; missed scans are part of it
  std::int64_t interval_us = 0;  // to the next scan, as configured now
  std::int64_t error_count = 0;  // cgroups that could not be read (one that vanished is not an error)
  std::int64_t cpu_us = 0;       // of the sampler since the scan before, what it looked at in between included
  bool is_partial = false;       // only of the cgroups that are near their limit, between two scans of all
  std::vector<ScanRow> rows;
  std::vector<CgroupKey> unread;  // tracked cgroups that could not be read in this scan
};

enum class ReclaimMethod : std::uint8_t { force_empty, memory_reclaim };
enum class ReclaimOutcome : std::uint8_t { started, done, partial, failed, vanished, interrupted, dry_run };
/// Why a reclaim ended where it did; schema/0002 says what each means.
enum class StoppedBy : std::uint8_t { target, nothing_left, pressure, timeout, stop, vanished, error };
/// What became of a reclaim.
enum class Verdict : std::uint8_t {
  effective,  // little of what it freed was read again
  churn,      // most of it was
  futile,     // it freed next to nothing
  failed,
  unknown  // watched too short a time, or the kernel counts no refaults
};
enum class JudgedBy : std::uint8_t { amount, refaults, regrowth };
/// What ended the watch over a reclaim's effect; schema/0002 says what each means.
enum class WatchEnd : std::uint8_t { observe_for, next_reclaim, vanished, stop, at_once };

/// As the database has it: "force_empty", "memory.reclaim".
std::string_view to_string(ReclaimMethod method);
/// As the database has it: "started", "done", ...; likewise the others.
std::string_view to_string(ReclaimOutcome outcome);
std::string_view to_string(StoppedBy stopped_by);
std::string_view to_string(Verdict verdict);
std::string_view to_string(JudgedBy judged_by);
std::string_view to_string(WatchEnd ended_by);

/// One forced reclaim. Recorded twice: when it starts (before the kernel is asked) and when it has ended.
struct Reclaim {
  std::int64_t reclaim_id = 0;  // counted from 1 in every run; on record it is the run's first free one and so on
  CgroupId id;
  std::int64_t started_at_us = 0;
  std::optional<std::int64_t> duration_us;  // from the first word to the kernel to its last answer
  ReclaimMethod method = ReclaimMethod::force_empty;
  std::uint64_t threshold_bytes = 0;
  std::optional<std::uint64_t> requested_bytes;  // nullopt: all there is (force_empty)
  Gauges before;
  std::optional<Gauges> after;               // nullopt: not (or no longer) measurable
  std::optional<std::uint64_t> freed_bytes;  // what usage fell by, never below 0; by file where usage is unknown
  ReclaimOutcome outcome = ReclaimOutcome::started;
  std::optional<StoppedBy> stopped_by;
  std::int64_t step_count = 0;               // how many times the kernel was asked
  std::optional<std::uint64_t> psi_some_us;  // in which some task of the cgroup waited for memory meanwhile
  std::string error;                         // in words, with what the kernel said; empty: none
  std::optional<Cooldown> cooldown;          // that this reclaim begins; nullopt for a dry run
};

/// What became of a reclaim. Recorded while it is watched, as far as it is known, and when the watch has ended; the
/// last record of a reclaim_id holds.
struct Effect {
  std::int64_t reclaim_id = 0;
  std::int64_t observed_for_us = 0;                // since the reclaim's end
  std::optional<std::uint64_t> refaulted_bytes;    // nullopt: the kernel does not count refaults
  std::optional<std::uint64_t> regrown_bytes;      // what the reclaimable cache is over what the reclaim left of it
  std::optional<std::uint64_t> held_byte_seconds;  // memory kept free, times how long
  Verdict verdict = Verdict::unknown;
  std::optional<JudgedBy> judged_by;  // nullopt: too little is known
  std::optional<WatchEnd> ended_by;   // nullopt: it is still watched
  std::optional<Cooldown> cooldown;   // of its cgroup, where this has changed it
};

/// Where in the kernel's log we are; another boot begins a new one.
struct LogPosition {
  std::string boot_id;
  std::uint64_t sequence = 0;  // records up to this one have been dealt with
};

/// An OOM kill of the kernel's log, and what is known of the cgroup that held the victim.
struct OomKill {
  LoggedKill logged;
  std::int64_t killed_at_us = 0;
  LogPosition position;
  CgroupId id;  // the container that the victim was in, else its own cgroup; inode 0: it is gone already
  ContainerIdentity container;  // of a watched container, which gets a row where it has none; empty otherwise
};

/// What the kernel's counter of OOM kills rose by in one cgroup: the same kills that its log tells of, if it is read.
struct CountedOomKills {
  CgroupId id;
  std::optional<std::int64_t> since_at_us;  // its previous sample; nullopt: it was in an earlier run
  std::int64_t at_us = 0;
  std::uint64_t count = 0;
};

/// A cooldown whose instants are others now, because the wall clock was set.
struct MovedCooldown {
  CgroupId id;
  Cooldown cooldown;
};

/// A start, stop, crash found, gap, configuration change or fault.
struct ServiceEvent {
  std::int64_t at_us = 0;
  std::string kind;    // one of the words that schema/0001 lists
  std::string detail;  // for a person
  std::string fault;   // of fault_begin and fault_end: which one, in a word that schema/0004 lists
};

/// What is known about the node and how it is watched now; the keys are listed in schema/0001.
struct NodeFacts {
  Parameters facts;
};

/// What must survive a restart, handed over once and by value.
struct Handover {
  Cooldowns cooldowns;
  std::unordered_map<CgroupId, std::uint64_t> oom_kills_total;
  std::optional<LogPosition> log_position;  // nullopt: the log has never been read
  std::string crash_found;                  // what is known of an earlier run that did not stop in order; empty: it did
};

}  // namespace cgmm::core
