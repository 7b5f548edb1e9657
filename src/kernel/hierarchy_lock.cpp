// SPDX-License-Identifier: Apache-2.0
#include "kernel/hierarchy_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <string>
#include <utility>

namespace cgmm::kernel {

bool HierarchyLock::take(const Hierarchy& hierarchy) {
  if (is_taken_ || !hierarchy.real) return true;
  const char* const name = hierarchy.version == Version::v1 ? "/memory.force_empty" : "/memory.reclaim";
  std::vector<base::Fd> held;
  for (std::size_t end = hierarchy.root.size();; end = hierarchy.parent.find('/', end + 1)) {
    const bool is_parent = end >= hierarchy.parent.size();
    base::Fd file(::open((hierarchy.parent.substr(0, end) + name).c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (file && ::flock(file.get(), (is_parent ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return false;
    if (file) held.push_back(std::move(file));
    if (is_parent) break;
  }
  held_ = std::move(held);
  is_taken_ = !held_.empty();
  return true;
}

std::string reclaims_already(const Hierarchy& hierarchy) {
  return "another cgroup-memory-manager, with another history, reclaims in " + hierarchy.parent +
         ", or above or below it, and neither would know of the other's cooldowns: stop one of them, or give one "
         "--dry-run or another --parent";
}

}  // namespace cgmm::kernel
