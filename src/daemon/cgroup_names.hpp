// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the log calls a cgroup: the same name as in the reports. The recorder finds names of containers, a scan later
// than the cgroup; nobody waits for them. Any thread.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.hpp"
#include "core/records.hpp"

namespace cgmm::daemon {

class CgroupNames {
 public:
  /// "shop/web-7d9c5b8f6d-x2x4z/app" once that is known; before, "3fa91c7d5e2b (pod 1f0c2a3b)"; else the path. Safe for
  /// a terminal.
  std::string of(std::string_view path) const;

  void learn(std::span<const core::NamedCgroup> named);
  /// It is gone.
  void forget(const std::string& path);

 private:
  static constexpr std::size_t kMost = 20'000;

  mutable base::Mutex mutex_;
  std::unordered_map<std::string, core::ContainerNames> by_path_ CGMM_GUARDED_BY(mutex_);
};

}  // namespace cgmm::daemon
