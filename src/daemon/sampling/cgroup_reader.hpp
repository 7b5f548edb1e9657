// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads a cgroup's files and makes a row of a scan of them: with the increases of its counters, its limits, and whether
// its page cache is over the threshold. One thread.

#include <cstdint>
#include <utility>

#include "core/policy.hpp"
#include "daemon/sampling/cgroup_finder.hpp"
#include "daemon/sampling/tracked.hpp"

namespace cgmm::daemon {

class CgroupReader {
 public:
  explicit CgroupReader(core::Policy policy) : policy_(std::move(policy)) {}

  void set_policy(core::Policy policy) {
    policy_ = std::move(policy);
    ++policy_number_;
  }

  /// Adds the cgroup's row to `result`; false when it has vanished, or can't be read, which is counted.
  bool read(Tracked& tracked, CgroupFinder& finder, PassResult& result);

 private:
  void take_row(Tracked& tracked, const kernel::Reading& reading, PassResult& result);
  static void refresh_limits(Tracked& tracked, const kernel::Reading& reading, CgroupFinder& finder,
                             std::int64_t now_us);

  core::Policy policy_;
  std::uint32_t policy_number_ = 1;
};

}  // namespace cgmm::daemon
