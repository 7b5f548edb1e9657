// SPDX-License-Identifier: Apache-2.0
#include "daemon/cgroup_names.hpp"

#include "base/text.hpp"
#include "core/container.hpp"

namespace cgmm::daemon {
namespace {

/// As the view v_cgroup has it.
std::string name_of(std::string_view path, const core::ContainerNames& names) {
  constexpr std::size_t kShortId = 12, kShortUid = 8;
  const core::ContainerIdentity identity = core::identity_of(path, 0);
  const std::string id = identity.container_id.substr(0, kShortId);
  const auto part = [](const std::string& text) { return text.empty() ? "" : text + "/"; };
  if (!names.container.empty()) return part(names.pod_namespace) + part(names.pod) + names.container;
  if (!names.pod.empty()) return part(names.pod_namespace) + names.pod + (id.empty() ? "" : "/" + id);
  if (id.empty()) return std::string(path);
  if (!identity.pod_uid.empty()) return id + " (pod " + identity.pod_uid.substr(0, kShortUid) + ")";
  return (identity.runtime.empty() ? "" : identity.runtime + " ") + id;
}

}  // namespace

std::string CgroupNames::of(std::string_view path) const {
  core::ContainerNames names;
  {
    const base::Lock lock(mutex_);
    const auto known = by_path_.find(std::string(path));
    if (known != by_path_.end()) names = known->second;
  }
  return base::escape_for_terminal(name_of(path, names));
}

void CgroupNames::learn(std::span<const core::NamedCgroup> named) {
  const base::Lock lock(mutex_);
  for (const core::NamedCgroup& one : named) {
    // Of containers that were killed before a scan saw them, nobody says that they are gone.
    if (by_path_.size() >= kMost && !by_path_.contains(one.id.path)) by_path_.erase(by_path_.begin());
    by_path_.insert_or_assign(one.id.path, one.names);
  }
}

void CgroupNames::forget(const std::string& path) {
  const base::Lock lock(mutex_);
  by_path_.erase(path);
}

}  // namespace cgmm::daemon
