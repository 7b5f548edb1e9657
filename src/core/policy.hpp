// SPDX-License-Identifier: Apache-2.0
#pragma once

// When to reclaim, and how much: the rules, as pure functions of what was measured and of `now_us`. No I/O, no clock,
// no threads. Cooldowns are in wall-clock time because they must survive a reboot.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "core/sample.hpp"
#include "core/threshold.hpp"

namespace cgmm::core {

/// How one cgroup is treated.
struct ReclaimSettings {
  Threshold threshold = Threshold::of_percent(25);
  std::optional<Threshold> reclaim_to;  // v2: down to this; nullopt: half the threshold
  std::int64_t cooldown_us = 30 * base::kSecond_us;
  bool reclaim = true;

  friend bool operator==(const ReclaimSettings&, const ReclaimSettings&) = default;
};

/// A [[rule]]: what it leaves out stays as it is for everybody.
struct Rule {
  std::string cgroup;  // glob on the cgroup's path
  std::optional<Threshold> threshold;
  std::optional<std::int64_t> cooldown_us;
  std::optional<bool> reclaim;

  friend bool operator==(const Rule&, const Rule&) = default;
};

/// How one reclaim is held in bounds. Only a kernel that takes an amount (v2) can be asked in steps.
struct ReclaimBounds {
  std::uint64_t step_bytes = 64ULL << 20;           // asked of the kernel at a time, at most
  std::int64_t timeout_us = 10 * base::kSecond_us;  // of the whole reclaim
  double max_pressure_pct = 10;  // of the wall time in which some task of the cgroup waited for memory

  friend bool operator==(const ReclaimBounds&, const ReclaimBounds&) = default;
};

/// How reclaims are watched, and what is learned from them.
struct Learning {
  std::int64_t observe_for_us = 5 * base::kMinute_us;  // after each reclaim
  std::int64_t max_cooldown_us = base::kHour_us;       // that doubling may lead to
  bool adaptive = true;                                // false: every cooldown stays as long as configured

  friend bool operator==(const Learning&, const Learning&) = default;
};

struct Policy {
  ReclaimSettings defaults;
  std::vector<Rule> rules;
  ReclaimBounds bounds;
  Learning learning;

  friend bool operator==(const Policy&, const Policy&) = default;

  /// The first rule whose glob matches the path; nullptr when none does.
  const Rule* rule_for(std::string_view path) const;

  /// What holds for the cgroup at `path`: the first rule whose glob matches decides; without one, the defaults.
  ReclaimSettings settings_for(std::string_view path) const;
};

/// A cgroup's cooldown. `strikes` counts reclaims in a row that did not help: each doubles the cooldown, until it is as
/// long as it may get.
struct Cooldown {
  std::int64_t last_reclaim_at_us = 0;
  std::int64_t until_us = 0;
  std::int64_t strikes = 0;

  friend bool operator==(const Cooldown&, const Cooldown&) = default;
};
using Cooldowns = std::unordered_map<CgroupId, Cooldown>;

/// How long a cgroup's cooldown is after so many strikes: doubled by each, up to the maximum, and never shorter than
/// `cooldown_us`, the configured one; a configured one of less than a second doubles from there.
std::int64_t learned_cooldown_us(std::int64_t cooldown_us, std::int64_t strikes, const Learning& learning);

/// The cooldown as it holds at `now_us`. One that was begun in the future (the clock was set back since) begins anew
/// now, so that it never blocks longer than itself; one longer than its strikes make of `cooldown_us`, the configured
/// one (a setting was lowered), ends early.
Cooldown settle(Cooldown cooldown, std::int64_t cooldown_us, const Learning& learning, std::int64_t now_us);

/// What a reclaim has taught about its cgroup.
enum class Lesson : std::uint8_t { none, helped, did_not_help };

/// The cooldown with the lesson of its reclaim taken: a strike more and longer, as long as that makes it longer; or no
/// strike and as configured. Not adaptive: as it was.
Cooldown learn(Cooldown cooldown, Lesson lesson, std::int64_t cooldown_us, const Learning& learning);

/// Whether a cooldown is worth remembering: while it lasts, and its strikes for a day longer. A cgroup that needed no
/// reclaim for a day is another one by then, and what is remembered of cgroups must not grow for ever.
bool is_forgotten(const Cooldown& cooldown, std::int64_t now_us);

/// A cgroup as the reclaimer sees it in a scan.
struct Candidate {
  CgroupId id;
  Gauges gauges;
  std::optional<std::uint64_t> effective_limit_bytes;
  ReclaimSettings settings;
};

/// Whether the reclaimable cache is at or over the threshold, cooldowns aside; false where reclaim is off, where the
/// threshold has no limit to be a share of, and where there is no cache at all.
bool over_threshold(const Gauges& gauges, std::optional<std::uint64_t> effective_limit_bytes,
                    const ReclaimSettings& settings);

/// Those to reclaim now: over their threshold and not in a cooldown (settled before); the one with most reclaimable
/// cache first.
std::vector<const Candidate*> choose_reclaims(std::span<const Candidate> candidates, const Cooldowns& cooldowns,
                                              std::int64_t now_us);

/// What a kernel that takes an amount is to leave of the reclaimable cache: `reclaim_to`, else half the threshold.
std::uint64_t target_bytes(std::optional<std::uint64_t> effective_limit_bytes, const ReclaimSettings& settings);

}  // namespace cgmm::core
