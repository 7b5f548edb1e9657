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

#include "core/sample.hpp"
#include "core/threshold.hpp"

namespace cgmm::core {

/// How one cgroup is treated.
struct ReclaimSettings {
  Threshold threshold = Threshold::of_percent(25);
  std::optional<Threshold> reclaim_to;   // v2: down to this; nullopt: half the threshold
  std::int64_t cooldown_us = 30'000'000;
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

struct Policy {
  ReclaimSettings defaults;
  std::vector<Rule> rules;

  /// The first rule whose glob matches the path; nullptr when none does.
  const Rule* rule_for(std::string_view path) const;

  /// What holds for the cgroup at `path`: the first rule whose glob matches decides; without one, the defaults.
  ReclaimSettings settings_for(std::string_view path) const;
};

/// A cgroup's cooldown. `strikes` counts reclaims in a row that did not help (they will double the cooldown).
struct Cooldown {
  std::int64_t last_reclaim_at_us = 0;
  std::int64_t until_us = 0;
  std::int64_t strikes = 0;

  friend bool operator==(const Cooldown&, const Cooldown&) = default;
};
using Cooldowns = std::unordered_map<CgroupId, Cooldown>;

/// The cooldown as it holds at `now_us`. One that was begun in the future (the clock was set back since) begins anew
/// now, so that it never blocks longer than itself; one longer than `cooldown_us` (the setting was lowered) ends early.
Cooldown settle(Cooldown cooldown, std::int64_t cooldown_us, std::int64_t now_us);

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

/// Those to reclaim now: over their threshold and not in a cooldown (settled before); the one with most reclaimable cache
/// first.
std::vector<const Candidate*> choose_reclaims(std::span<const Candidate> candidates, const Cooldowns& cooldowns,
                                              std::int64_t now_us);

/// How much is asked of a kernel that takes an amount: the reclaimable cache above `reclaim_to`. At least 1.
std::uint64_t requested_bytes(const Gauges& gauges, std::optional<std::uint64_t> effective_limit_bytes,
                              const ReclaimSettings& settings);

}  // namespace cgmm::core
