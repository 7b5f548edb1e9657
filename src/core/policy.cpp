// SPDX-License-Identifier: Apache-2.0
#include "core/policy.hpp"

#include <algorithm>
#include <functional>

#include "base/time.hpp"
#include "core/glob.hpp"
#include "core/idle.hpp"

namespace cgmm::core {
namespace {

constexpr std::int64_t kLeastToDouble_us = base::kSecond_us;  // twice nothing is nothing
constexpr std::int64_t kRemember_us = base::kDay_us, kRememberUnseen_us = base::kHour_us;
constexpr std::int64_t kGrow = 4, kShrink = 4, kShrinkABit = 2;  // a dose
constexpr std::uint64_t kLeast_bytes = 1 << 20;                  // it is not worth a reclaim to take less

std::int64_t next_dose_pct(std::int64_t dose_pct, Lesson lesson) {
  if (lesson == Lesson::helped) return std::min<std::int64_t>(dose_pct * kGrow, 100);
  if (lesson == Lesson::may_have) return dose_pct;
  return std::max(dose_pct / (lesson == Lesson::too_much ? kShrinkABit : kShrink), kLeastDose_pct);
}

}  // namespace

const Rule* Policy::rule_for(std::string_view path, std::string_view workload) const {
  const auto matches = [&](const Rule& rule) {
    if (rule.workload.empty()) return glob_matches(rule.cgroup, path);
    return !workload.empty() &&
           (glob_matches(rule.workload, workload) || glob_matches(rule.workload, std::string(workload) + "/"));
  };
  const auto rule = std::ranges::find_if(rules, matches);
  return rule == rules.end() ? nullptr : &*rule;
}

bool Policy::may_change(const Rule* rule) const {
  const std::size_t end = rule == nullptr ? rules.size() : static_cast<std::size_t>(rule - rules.data());
  return std::ranges::any_of(std::span(rules).first(end), [](const Rule& one) { return !one.workload.empty(); });
}

bool Policy::has_exclusions() const {
  return std::ranges::any_of(rules, [](const Rule& rule) { return rule.reclaim == false; });
}

ReclaimSettings Policy::settings_of(const Rule* rule) const {
  ReclaimSettings settings = defaults;
  if (rule == nullptr) return settings;
  if (rule->threshold) settings.threshold = *rule->threshold;
  if (rule->cooldown_us) settings.cooldown_us = *rule->cooldown_us;
  if (rule->reclaim) settings.reclaim = *rule->reclaim;
  return settings;
}

bool Exclusions::add(std::size_t depth, bool is_excluded) {
  if (at_depth_.size() < depth + 2) at_depth_.resize(depth + 2);
  const bool is_below = at_depth_[depth + 1];
  at_depth_[depth + 1] = false;
  at_depth_[depth] = at_depth_[depth] || is_excluded || is_below;
  return is_below;
}

bool is_in_scope(ReclaimScope scope, CgroupKind kind, bool has_containers) {
  const bool is_containers = kind == CgroupKind::container || kind == CgroupKind::pod;
  if (scope == ReclaimScope::all || is_containers) return true;
  return scope == ReclaimScope::automatic && !has_containers && kind == CgroupKind::leaf;
}

std::string_view what_is_reclaimed(ReclaimScope scope, bool has_containers) {
  if (scope == ReclaimScope::all) return "all cgroups but the root";
  if (scope == ReclaimScope::containers || has_containers) return "containers and their pods";
  return "all that have no cgroup below them, while no container has ever been seen here";
}

bool may_reclaim(const Candidate& candidate, ReclaimScope scope, bool has_containers) {
  return candidate.id.path != "/" && (candidate.has_rule || is_in_scope(scope, candidate.kind, has_containers));
}

std::int64_t learned_cooldown_us(std::int64_t cooldown_us, std::int64_t strikes, const Learning& learning) {
  if (!learning.adaptive || strikes <= 0) return cooldown_us;
  std::int64_t learned_us = std::max(cooldown_us, kLeastToDouble_us);
  for (; strikes > 0 && learned_us < learning.max_cooldown_us; --strikes) learned_us *= 2;
  return std::max(cooldown_us, std::min(learned_us, learning.max_cooldown_us));
}

Cooldown corrected(Cooldown cooldown, std::int64_t cooldown_us, const Learning& learning, std::int64_t now_us) {
  const std::int64_t learned_us = learned_cooldown_us(cooldown_us, cooldown.strikes, learning);
  if (cooldown.last_reclaim_at_us > now_us) {
    cooldown.last_reclaim_at_us = now_us;
    cooldown.until_us = now_us + learned_us;
  }
  cooldown.until_us = std::min(cooldown.until_us, cooldown.last_reclaim_at_us + learned_us);
  return cooldown;
}

Cooldown learn(Cooldown cooldown, Lesson lesson, std::int64_t cooldown_us, const Learning& learning) {
  if (!learning.adaptive || lesson == Lesson::none) return cooldown;
  const bool is_bad = lesson == Lesson::did_not_help;
  const std::int64_t strikes = is_bad ? cooldown.strikes + 1 : lesson == Lesson::too_much ? cooldown.strikes : 0;
  const std::int64_t learned_us = learned_cooldown_us(cooldown_us, strikes, learning);
  const bool at_most = strikes > 0 && learned_us == learned_cooldown_us(cooldown_us, cooldown.strikes, learning);
  return {.last_reclaim_at_us = cooldown.last_reclaim_at_us,
          .until_us = cooldown.last_reclaim_at_us + learned_us,
          .strikes = at_most ? cooldown.strikes : strikes,
          .dose_pct = next_dose_pct(cooldown.dose_pct, lesson)};
}

bool is_forgotten(const Cooldown& cooldown, bool is_kept_long, std::int64_t now_us) {
  const bool has_learned = cooldown.strikes > 0 || cooldown.dose_pct != kFirstDose_pct;
  return cooldown.until_us + (!has_learned ? 0 : is_kept_long ? kRemember_us : kRememberUnseen_us) <= now_us;
}

std::vector<CgroupId> follow_renames(Cooldowns& cooldowns, std::span<const Candidate> candidates,
                                     std::int64_t since_us) {
  std::vector<CgroupId> renamed;
  std::unordered_map<std::uint64_t, Cooldown> by_inode;  // filled where one is needed
  for (const Candidate& candidate : candidates) {
    if (cooldowns.contains(candidate.id)) continue;
    if (by_inode.empty()) {
      for (const auto& [id, cooldown] : cooldowns) {
        Cooldown& latest = by_inode[id.inode];
        if (cooldown.last_reclaim_at_us >= latest.last_reclaim_at_us) latest = cooldown;
      }
    }
    const auto found = by_inode.find(candidate.id.inode);
    if (found == by_inode.end() || found->second.last_reclaim_at_us < since_us) continue;
    renamed.push_back(candidate.id);
  }
  for (const CgroupId& id : renamed) cooldowns[id] = by_inode.at(id.inode);
  return renamed;
}

std::uint64_t dose_bytes(const MemorySample& sample, ReclaimPolicy policy, std::int64_t dose_pct,
                         std::uint64_t reserve_bytes) {
  const std::uint64_t cache_bytes = reclaimable_cache_bytes(sample.gauges);
  if (policy != ReclaimPolicy::idle) return cache_bytes;
  std::uint64_t idle_bytes = std::min(idle_cache_bytes(sample).value_or(cache_bytes), cache_bytes);
  idle_bytes -= std::min({idle_bytes, reserve_bytes, sample.gauges.value_or(Gauge::active_file, 0)});
  if (idle_bytes < kLeast_bytes) return 0;
  const auto part = static_cast<std::uint64_t>(std::clamp<std::int64_t>(dose_pct, 1, 100));
  return std::max(idle_bytes * part / 100, kLeast_bytes);
}

std::optional<std::uint64_t> limit_for(ReclaimPolicy policy, const Limits& limits) {
  return policy == ReclaimPolicy::rust ? limits.limit_bytes : limits.effective_limit_bytes;
}

bool over_threshold(const Gauges& gauges, std::optional<std::uint64_t> limit_bytes, const ReclaimSettings& settings) {
  if (!settings.reclaim) return false;
  const auto threshold_bytes = settings.threshold.bytes(limit_bytes);
  const std::uint64_t cache_bytes =
      settings.policy == ReclaimPolicy::rust ? gauges.value_or(Gauge::file, 0) : reclaimable_cache_bytes(gauges);
  return threshold_bytes && cache_bytes > 0 && cache_bytes >= *threshold_bytes;
}

std::vector<const Candidate*> choose_reclaims(std::span<const Candidate> candidates, const Cooldowns& cooldowns,
                                              std::int64_t now_us, std::int64_t wait_us) {
  std::vector<const Candidate*> chosen, waiting;
  for (const Candidate& candidate : candidates) {
    if (!over_threshold(candidate.gauges, candidate.effective_limit_bytes, candidate.settings)) continue;
    const auto cooldown = cooldowns.find(candidate.id);
    const std::int64_t left_us = cooldown == cooldowns.end() ? 0 : cooldown->second.until_us - now_us;
    if (left_us > wait_us) continue;
    (left_us > 0 ? waiting : chosen).push_back(&candidate);
  }
  for (auto* const some : {&chosen, &waiting}) {
    std::ranges::stable_sort(*some, std::greater{},
                             [](const Candidate* one) { return reclaimable_cache_bytes(one->gauges); });
  }
  chosen.insert(chosen.end(), waiting.begin(), waiting.end());
  return chosen;
}

std::uint64_t reserve_bytes(std::optional<std::uint64_t> effective_limit_bytes, const ReclaimSettings& settings) {
  return settings.threshold.bytes(effective_limit_bytes).value_or(0) / 2;
}

std::uint64_t target_bytes(std::optional<std::uint64_t> effective_limit_bytes, const ReclaimSettings& settings) {
  if (settings.policy == ReclaimPolicy::rust) return 0;
  if (settings.policy == ReclaimPolicy::idle && !settings.reclaim_to) return 0;
  const std::uint64_t half = reserve_bytes(effective_limit_bytes, settings);
  return settings.reclaim_to ? settings.reclaim_to->bytes(effective_limit_bytes).value_or(half) : half;
}

}  // namespace cgmm::core
