// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "core/records.hpp"

namespace cgmm::test {

/// A cgroup for the rows of scans.
inline core::CgroupRef tracked(core::CgroupKey key, core::CgroupId id, core::Limits limits = {}) {
  return std::make_shared<core::TrackedCgroup>(
      core::TrackedCgroup{.key = key, .id = std::move(id), .parent_length = 0, .limits = limits});
}

}  // namespace cgmm::test
