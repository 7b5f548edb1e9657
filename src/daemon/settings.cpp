// SPDX-License-Identifier: Apache-2.0
#include "daemon/settings.hpp"

#include <spdlog/fmt/fmt.h>

#include "base/units.hpp"

namespace cgmm::daemon {
namespace {

std::string what_goes(const core::ReclaimSettings& settings) {
  if (settings.policy == core::ReclaimPolicy::rust) return "reclaims all page cache";
  if (settings.policy == core::ReclaimPolicy::idle) return "reclaims what is idle";
  return "reclaims down to " + (settings.reclaim_to ? settings.reclaim_to->to_string() : "half the threshold");
}

}  // namespace

std::string Settings::to_string() const {
  const core::ReclaimSettings& defaults = policy.defaults;
  const core::Learning& learning = policy.learning;
  const auto threshold_bytes = defaults.threshold.bytes(std::nullopt);  // nullopt: a percentage
  const bool doubles = learning.adaptive && learning.max_cooldown_us > defaults.cooldown_us;
  const std::string threshold = threshold_bytes ? base::format_bytes(*threshold_bytes) : defaults.threshold.to_string();
  const std::string doubling = doubles ? " doubling up to " + base::duration_setting(learning.max_cooldown_us) : "";
  return fmt::format(
      "parent {}, threshold {}, interval {}, cooldown {}{}, {} in steps of {} for up to {} (cgroup v2: at a pressure "
      "of up to {}), each observed for {}, up to {} over {} of their limit sampled every second, {}{}, a history of up "
      "to {}: "
      "samples {}{}, incidents {}, hours {}, events {}",
      parent, threshold, base::duration_setting(interval_us), base::duration_setting(defaults.cooldown_us), doubling,
      what_goes(defaults), base::format_bytes(policy.bounds.step_bytes),
      base::duration_setting(policy.bounds.timeout_us),
      core::Threshold::of_percent(policy.bounds.max_pressure_pct).to_string(),
      base::duration_setting(learning.observe_for_us), near_limit.max_count,
      core::Threshold::of_percent(near_limit.over_pct).to_string(), base::counted(policy.rules.size(), "rule"),
      dry_run ? ", dry run" : "", base::format_bytes(static_cast<std::uint64_t>(retention.max_size_bytes)),
      base::duration_setting(retention.samples_us),
      retention.archive ? " (archived after " + base::duration_setting(retention.archive_after_us) + ")" : "",
      base::duration_setting(retention.incidents_us), base::duration_setting(retention.hours_us),
      base::duration_setting(retention.events_us));
}

kernel::Hierarchy hierarchy_for(const std::string& parent) {
  return kernel::open_hierarchy(parent == "auto" ? kernel::find_parent() : parent);
}

std::string log_to_read(const std::string& kernel_log, const kernel::Hierarchy& hierarchy) {
  return kernel_log == "auto" && !hierarchy.real ? "off: it says nothing of a copied or fake tree" : kernel_log;
}

}  // namespace cgmm::daemon
