// SPDX-License-Identifier: Apache-2.0
#include "core/inventory.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/units.hpp"

namespace cgmm::core {

void Inventory::add(CgroupKind kind, const ContainerIdentity& identity) {
  if (kind == CgroupKind::leaf) ++leaf_count_;
  if (kind == CgroupKind::pod || kind == CgroupKind::inner) ++inner_count_;
  if (kind != CgroupKind::container) return;
  ++container_count_;
  OfRuntime& runtime = runtimes_[identity.runtime];
  ++runtime.count;
  if (!identity.pod_uid.empty()) runtime.pods.insert(identity.pod_uid);
}

std::string Inventory::to_string() const {
  std::vector<std::pair<std::string, OfRuntime>> most_first(runtimes_.begin(), runtimes_.end());
  std::ranges::stable_sort(most_first, std::ranges::greater{}, [](const auto& one) { return one.second.count; });
  std::string parts;
  for (const auto& [runtime, of] : most_first) {
    parts += parts.empty() ? " (" : ", ";
    parts += std::to_string(of.count) + (runtime.empty() ? " whose path names no runtime" : " of " + runtime);
    if (!of.pods.empty()) parts += (runtime.empty() ? ", in " : " in ") + base::counted(of.pods.size(), "pod");
  }
  if (!parts.empty()) parts += ")";
  return base::counted(container_count_, "container") + parts + ", " +
         base::counted(leaf_count_, "service or session", "services and sessions") + ", " +
         base::counted(inner_count_, "directory above them", "directories above them");
}

}  // namespace cgmm::core
