// SPDX-License-Identifier: Apache-2.0
#pragma once

// One service reclaims in a cgroup: two would not know of each other's cooldowns. It is a flock() on the control files
// that make the kernel reclaim, because only root may open them: whoever could open the file could hold the lock.
// Exclusive on the parent's, shared on those above it, so that a service with a parent above or below is noticed, too.
// The kernel releases it however the service ends. It is the same lock in every container and mount.

#include <vector>

#include "base/fd.hpp"
#include "kernel/hierarchy.hpp"

namespace cgmm::kernel {

class HierarchyLock {
 public:
  /// False: another one holds it. True also where nothing can be reclaimed: the files are not there or can't be opened,
  /// or the tree is not the kernel's.
  bool take(const Hierarchy& hierarchy);

 private:
  bool is_taken_ = false;
  std::vector<base::Fd> held_;
};

/// For the operator, when take() has failed.
std::string reclaims_already(const Hierarchy& hierarchy);

}  // namespace cgmm::kernel
