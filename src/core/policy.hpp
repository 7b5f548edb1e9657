// SPDX-License-Identifier: Apache-2.0
#pragma once

// When to reclaim, and how much: pure functions of measurements and `now_us`. No I/O, no clock, no threads. Cooldowns
// are in wall-clock time because they must survive a reboot.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "core/container.hpp"
#include "core/sample.hpp"
#include "core/threshold.hpp"

namespace cgmm::core {

/// What a reclaim takes.
enum class ReclaimPolicy : std::uint8_t {
  idle,    // page cache that the kernel's lists call idle, in doses that grow while nothing comes back
  target,  // page cache of all kinds, down to reclaim_to
  rust     // all page cache, as the Rust program
};

struct ReclaimSettings {
  Threshold threshold = Threshold::of_percent(25);
  std::optional<Threshold> reclaim_to;  // down to this; nullopt: target: half the threshold; idle: no bound
  std::int64_t cooldown_us = 30 * base::kSecond_us;
  bool reclaim = true;
  ReclaimPolicy policy = ReclaimPolicy::idle;

  friend bool operator==(const ReclaimSettings&, const ReclaimSettings&) = default;
};

/// A [[rule]]. nullopt: as in the defaults.
struct Rule {
  std::string cgroup;    // glob on the cgroup's path; "": it goes by the workload
  std::string workload;  // glob on the workload; "": it goes by the path
  std::optional<Threshold> threshold;
  std::optional<std::int64_t> cooldown_us;
  std::optional<bool> reclaim;

  friend bool operator==(const Rule&, const Rule&) = default;
};

/// The bounds of one reclaim.
struct ReclaimBounds {
  std::uint64_t step_bytes = 64ULL << 20;           // asked of the kernel at a time, at most
  std::int64_t timeout_us = 10 * base::kSecond_us;  // of the whole reclaim
  double max_pressure_pct = 10;  // of the wall time in which some task of the cgroup waited for memory

  friend bool operator==(const ReclaimBounds&, const ReclaimBounds&) = default;
};

/// Which cgroups are reclaimed. All are recorded. A [[rule]] with `reclaim = true` adds those that it matches.
enum class ReclaimScope : std::uint8_t {
  automatic,   // once a container has been seen: containers and their pods; else leaves and containers
  containers,  // and their pods
  all
};

/// `has_containers`: whether one has ever been seen below the parent.
bool is_in_scope(ReclaimScope scope, CgroupKind kind, bool has_containers);

/// How long reclaims are observed, and what is learned from them.
struct Learning {
  std::int64_t observe_for_us = 5 * base::kMinute_us;    // after each reclaim
  std::int64_t max_cooldown_us = 10 * base::kMinute_us;  // that doubling may lead to
  std::int64_t worth_us = 5 * base::kMinute_us;          // so long a byte has to stay free for each byte read again
  bool adaptive = true;                                  // false: every cooldown and dose is as configured

  friend bool operator==(const Learning&, const Learning&) = default;
};

struct Policy {
  ReclaimSettings defaults;
  std::vector<Rule> rules;
  ReclaimScope scope = ReclaimScope::automatic;
  ReclaimBounds bounds;
  Learning learning;

  friend bool operator==(const Policy&, const Policy&) = default;

  /// The first rule whose glob matches; nullptr when none does. `workload`: "" if there is none. A pod's own is
  /// "namespace/name", and "namespace/name/*" matches it too.
  const Rule* rule_for(std::string_view path, std::string_view workload) const;

  /// Whether another rule may decide once the workload is known: one by workload comes before `rule`. nullptr: the end.
  bool may_change(const Rule* rule) const;

  /// Whether there is a rule that excludes cgroups from reclaim.
  bool has_exclusions() const;

  /// The settings where this rule decides; nullptr: the defaults.
  ReclaimSettings settings_of(const Rule* rule) const;
  ReclaimSettings settings_for(std::string_view path, std::string_view workload) const {
    return settings_of(rule_for(path, workload));
  }
};

/// The kernel can only be asked to reclaim a cgroup with all that is below it. So one that has an excluded cgroup below
/// it is not reclaimed. Takes the cgroups of one scan; those below a cgroup come before it.
class Exclusions {
 public:
  /// Whether a cgroup below this one is excluded.
  bool add(std::size_t depth, bool is_excluded);

 private:
  std::vector<bool> at_depth_;  // whether one is, of those whose parent has not come yet
};

/// The first dose of a cgroup, and the smallest: a guess that is wrong must not cost much.
inline constexpr std::int64_t kFirstDose_pct = 10, kLeastDose_pct = 2;

struct Cooldown {
  std::int64_t last_reclaim_at_us = 0;
  std::int64_t until_us = 0;
  std::int64_t strikes = 0;                // reclaims in a row that did not help
  std::int64_t dose_pct = kFirstDose_pct;  // of the idle page cache, that the next reclaim takes

  friend bool operator==(const Cooldown&, const Cooldown&) = default;
};
using Cooldowns = std::unordered_map<CgroupId, Cooldown>;

/// The cooldown after this many strikes: doubled by each, up to the maximum, never shorter than the configured
/// `cooldown_us`. Doubling begins at a second or more.
std::int64_t learned_cooldown_us(std::int64_t cooldown_us, std::int64_t strikes, const Learning& learning);

/// The cooldown at `now_us`. One that began in the future (a clock step) begins now; one that is longer than the
/// settings and its strikes allow is shortened.
Cooldown corrected(Cooldown cooldown, std::int64_t cooldown_us, const Learning& learning, std::int64_t now_us);

enum class Lesson : std::uint8_t {
  none,
  helped,    // what was freed stayed free
  may_have,  // as far as can be told: nobody knows what was read again
  too_much,  // a little more was read again than it was worth
  did_not_help
};

/// One strike more if the reclaim did not help (unless the cooldown is at its maximum), and a quarter of the dose. No
/// strike if it helped, and four times the dose; the same dose if it only may have. As many strikes, and half the dose,
/// if it was too much.
Cooldown learn(Cooldown cooldown, Lesson lesson, std::int64_t cooldown_us, const Learning& learning);

/// Whether a cooldown can be dropped, so that memory does not grow for ever: it has ended; if there is something to
/// remember, a day ago, or an hour ago where it is one of very many and its cgroup was not seen.
bool is_forgotten(const Cooldown& cooldown, bool is_kept_long, std::int64_t now_us);

/// A cgroup as the reclaimer sees it in a scan.
struct Candidate {
  CgroupId id;
  Gauges gauges;
  std::optional<std::uint64_t> effective_limit_bytes;
  ReclaimSettings settings;
  CgroupKind kind = CgroupKind::container;
  bool has_rule = false;  // a rule says that it is reclaimed, whatever the scope is
};

/// A reclaim waits for a cooldown that ends so soon after the scan: one of three intervals would else last four.
inline constexpr std::int64_t kMostWait_us = base::kSecond_us;

/// In words, for the log: "containers and their pods". What a rule says counts besides.
std::string_view what_is_reclaimed(ReclaimScope scope, bool has_containers);

/// Never the root of the hierarchy: a reclaim of it would be one of the whole machine.
bool may_reclaim(const Candidate& candidate, ReclaimScope scope, bool has_containers);

/// A cgroup that was renamed (cgroup v1) keeps its cooldown, because its inode is the same. Only cooldowns from
/// `since_us` on count: after a start of the machine, others have these inodes. Returns who has got one.
std::vector<CgroupId> follow_renames(Cooldowns& cooldowns, std::span<const Candidate> candidates,
                                     std::int64_t since_us);

/// The most that a reclaim may take now; 0: too little of the page cache is idle. As much as is active stays on the
/// inactive list, but at most `reserve_bytes`: the kernel refills a list that gets short from the active one.
std::uint64_t dose_bytes(const MemorySample& sample, ReclaimPolicy policy, std::int64_t dose_pct,
                         std::uint64_t reserve_bytes);

/// Half the threshold.
std::uint64_t reserve_bytes(std::optional<std::uint64_t> effective_limit_bytes, const ReclaimSettings& settings);

/// The limit that a percentage is of: the effective one; for the Rust program's policy the cgroup's own.
std::optional<std::uint64_t> limit_for(ReclaimPolicy policy, const Limits& limits);

/// Whether the reclaimable cache is at or over the threshold; for the Rust program's policy the whole cache, tmpfs
/// included. Never without cache, or for a percentage without a limit.
bool over_threshold(const Gauges& gauges, std::optional<std::uint64_t> limit_bytes, const ReclaimSettings& settings);

/// The cgroups to reclaim now: over their threshold and not in a cooldown, most reclaimable cache first; after these,
/// those whose cooldown ends within `wait_us`. `cooldowns` must be corrected for `now_us`.
std::vector<const Candidate*> choose_reclaims(std::span<const Candidate> candidates, const Cooldowns& cooldowns,
                                              std::int64_t now_us, std::int64_t wait_us = 0);

/// The reclaimable cache that a reclaim leaves: `reclaim_to`, else half the threshold; by idle, what is not idle.
std::uint64_t target_bytes(std::optional<std::uint64_t> effective_limit_bytes, const ReclaimSettings& settings);

}  // namespace cgmm::core
