// SPDX-License-Identifier: Apache-2.0
#pragma once

// The remainder of a pod or another inner cgroup, read at once: its own files and those of the cgroups directly below
// it.

#include <optional>

#include "core/sample.hpp"
#include "kernel/controller.hpp"

namespace cgmm::kernel {

/// The gauges are of the remainder. Of the counters only stalls and refaults, which are of the whole cgroup, because a
/// reclaim of it is felt there. nullopt: the cgroup has vanished. Throws as Controller::read() does, also for a cgroup
/// below.
std::optional<Reading> read_remainder(Controller& controller, Cgroup& cgroup, const ReadOptions& options);

/// Whether more than half of the cgroup's reclaimable cache is this remainder's. Else a reclaim, which the kernel does
/// in the whole cgroup, would rather take the cache of the containers that run. Throws as Controller::read() does.
bool is_most(Controller& controller, Cgroup& cgroup, const core::Gauges& remainder);

}  // namespace cgmm::kernel
