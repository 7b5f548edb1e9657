// SPDX-License-Identifier: Apache-2.0
#include "daemon/settings.hpp"

#include "base/units.hpp"

namespace cgmm::daemon {

std::string Settings::to_string() const {
  const core::ReclaimSettings& defaults = policy.defaults;
  const core::Learning& learning = policy.learning;
  const auto threshold_bytes = defaults.threshold.bytes(std::nullopt);  // nullopt: a percentage
  const bool doubles = learning.adaptive && learning.max_cooldown_us > defaults.cooldown_us;
  std::string text = "parent " + parent + ", threshold ";
  text += threshold_bytes ? base::format_bytes(*threshold_bytes) : defaults.threshold.to_string();
  text += ", interval " + base::duration_setting(interval_us);
  text += ", cooldown " + base::duration_setting(defaults.cooldown_us);
  if (doubles) text += " doubling up to " + base::duration_setting(learning.max_cooldown_us);
  text += ", reclaims in steps of " + base::format_bytes(policy.bounds.step_bytes) + " for up to " +
          base::duration_setting(policy.bounds.timeout_us) + " at a pressure of up to " +
          core::Threshold::of_percent(policy.bounds.max_pressure_pct).to_string() + ", each observed for " +
          base::duration_setting(learning.observe_for_us);
  text += ", up to " + std::to_string(near_limit.max_count) + " over " +
          core::Threshold::of_percent(near_limit.over_pct).to_string() + " of their limit sampled every second";
  text += ", " + std::to_string(policy.rules.size()) + (policy.rules.size() == 1 ? " rule" : " rules");
  return text + (dry_run ? ", dry run" : "");
}

kernel::Hierarchy hierarchy_for(const std::string& parent) {
  return kernel::open_hierarchy(parent == "auto" ? kernel::find_parent() : parent);
}

std::string log_to_read(const std::string& kernel_log, const kernel::Hierarchy& hierarchy) {
  return kernel_log == "auto" && !hierarchy.real ? "off: it says nothing of a copied or fake tree" : kernel_log;
}

}  // namespace cgmm::daemon
