// SPDX-License-Identifier: Apache-2.0
#include "core/policy.hpp"

#include <algorithm>

#include "core/glob.hpp"

namespace cgmm::core {

const Rule* Policy::rule_for(std::string_view path) const {
  const auto rule = std::find_if(rules.begin(), rules.end(),
                                 [&](const Rule& candidate) { return glob_matches(candidate.cgroup, path); });
  return rule == rules.end() ? nullptr : &*rule;
}

ReclaimSettings Policy::settings_for(std::string_view path) const {
  ReclaimSettings settings = defaults;
  const Rule* const rule = rule_for(path);
  if (rule == nullptr) return settings;
  if (rule->threshold) settings.threshold = *rule->threshold;
  if (rule->cooldown_us) settings.cooldown_us = *rule->cooldown_us;
  if (rule->reclaim) settings.reclaim = *rule->reclaim;
  return settings;
}

Cooldown settle(Cooldown cooldown, std::int64_t cooldown_us, std::int64_t now_us) {
  if (cooldown.last_reclaim_at_us > now_us) {
    cooldown.last_reclaim_at_us = now_us;
    cooldown.until_us = now_us + cooldown_us;
  }
  cooldown.until_us = std::min(cooldown.until_us, cooldown.last_reclaim_at_us + cooldown_us);
  return cooldown;
}

bool over_threshold(const Gauges& gauges, std::optional<std::uint64_t> effective_limit_bytes,
                    const ReclaimSettings& settings) {
  if (!settings.reclaim) return false;
  const auto threshold_bytes = settings.threshold.bytes(effective_limit_bytes);
  const std::uint64_t cache_bytes = reclaimable_cache_bytes(gauges);
  return threshold_bytes && cache_bytes > 0 && cache_bytes >= *threshold_bytes;
}

std::vector<const Candidate*> choose_reclaims(std::span<const Candidate> candidates, const Cooldowns& cooldowns,
                                              std::int64_t now_us) {
  std::vector<const Candidate*> chosen;
  for (const Candidate& candidate : candidates) {
    if (!over_threshold(candidate.gauges, candidate.effective_limit_bytes, candidate.settings)) continue;
    const auto cooldown = cooldowns.find(candidate.id);
    if (cooldown != cooldowns.end() && now_us < cooldown->second.until_us) continue;
    chosen.push_back(&candidate);
  }
  std::stable_sort(chosen.begin(), chosen.end(), [](const Candidate* a, const Candidate* b) {
    return reclaimable_cache_bytes(a->gauges) > reclaimable_cache_bytes(b->gauges);
  });
  return chosen;
}

std::uint64_t requested_bytes(const Gauges& gauges, std::optional<std::uint64_t> effective_limit_bytes,
                              const ReclaimSettings& settings) {
  const std::uint64_t cache_bytes = reclaimable_cache_bytes(gauges);
  const std::uint64_t half = settings.threshold.bytes(effective_limit_bytes).value_or(0) / 2;
  const std::uint64_t target =
      settings.reclaim_to ? settings.reclaim_to->bytes(effective_limit_bytes).value_or(half) : half;
  return cache_bytes > target ? cache_bytes - target : 1;
}

}  // namespace cgmm::core
