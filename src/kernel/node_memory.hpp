// SPDX-License-Identifier: Apache-2.0
#pragma once

// The memory of the whole node: one small file instead of one for every cgroup. Any thread.

#include <cstdint>
#include <optional>

namespace cgmm::kernel {

/// Memory that can't be dropped, swapped out or not: of processes, tmpfs and the kernel. nullopt: it can't be read, or
/// lacks AnonPages.
std::optional<std::uint64_t> node_held_bytes(const char* meminfo = "/proc/meminfo");

}  // namespace cgmm::kernel
