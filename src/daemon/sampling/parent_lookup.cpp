// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/parent_lookup.hpp"

#include <unistd.h>

#include "base/time.hpp"
#include "daemon/settings.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kEvery_us = base::kMinute_us;

}  // namespace

kernel::Hierarchy ParentLookup::find(const std::string& setting, const kernel::Hierarchy& now) const {
  kernel::Hierarchy found = hierarchy_for(setting);
  const bool still_auto = setting == "auto" && setting_ == "auto";
  const bool would_widen = still_auto && found.parent_path.empty() && ::access(now.parent.c_str(), F_OK) == 0;
  return would_widen ? now : found;
}

bool ParentLookup::is_due(std::int64_t steady_us) {
  if (setting_ != "auto" || steady_us - looked_at_us_ < kEvery_us) return false;
  looked_at_us_ = steady_us;
  return true;
}

}  // namespace cgmm::daemon
