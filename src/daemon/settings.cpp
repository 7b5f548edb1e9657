// SPDX-License-Identifier: Apache-2.0
#include "daemon/settings.hpp"

#include "core/units.hpp"

namespace cgmm::daemon {

std::string Settings::to_string() const {
  const auto threshold_bytes = policy.defaults.threshold.bytes(std::nullopt);  // nullopt: a percentage
  return "parent " + parent + ", threshold " +
         (threshold_bytes ? core::format_bytes(*threshold_bytes) : policy.defaults.threshold.to_string()) + ", interval " +
         core::duration_setting(interval_us) + ", cooldown " + core::duration_setting(policy.defaults.cooldown_us) +
         ", " + std::to_string(policy.rules.size()) + (policy.rules.size() == 1 ? " rule" : " rules") +
         (dry_run ? ", dry run" : "");
}

kernel::Hierarchy hierarchy_for(const std::string& parent) {
  return kernel::open_hierarchy(parent == "auto" ? kernel::find_parent() : parent);
}

}  // namespace cgmm::daemon
