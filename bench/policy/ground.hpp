// SPDX-License-Identifier: Apache-2.0
#pragma once

// The cgroups of a run: <memory hierarchy>/cgmm-test-PID/POLICY/WORKLOAD, v1 or v2. They are removed with the object,
// with whatever process is still in them. One thread.

#include <cstdint>
#include <filesystem>
#include <string>

#include "kernel/hierarchy.hpp"

namespace cgmm::bench::policy {

class Ground {
 public:
  /// Throws std::runtime_error where there is no memory hierarchy to write to.
  Ground();
  ~Ground();
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  kernel::Version version() const { return version_; }
  const std::filesystem::path& root() const { return root_; }
  /// For the cgroups of one policy: what it watches.
  std::filesystem::path make_parent(const std::string& policy);
  std::filesystem::path make(const std::filesystem::path& parent, const std::string& workload,
                             std::uint64_t limit_bytes) const;
  /// With all that is below it.
  static void remove(const std::filesystem::path& cgroup);

 private:
  void hand_down(const std::filesystem::path& cgroup) const;

  std::filesystem::path root_, top_;
  kernel::Version version_ = kernel::Version::v1;
};

/// What the kernel says of a cgroup.
struct Memory {
  std::uint64_t usage_bytes = 0;
  std::uint64_t cache_bytes = 0;
  std::int64_t refaulted_pages = -1;  // of files; -1: this kernel does not count them
};
std::uint64_t usage_of(const std::filesystem::path& cgroup, kernel::Version version);
Memory memory_of(const std::filesystem::path& cgroup, kernel::Version version);

}  // namespace cgmm::bench::policy
