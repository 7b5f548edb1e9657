// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the numbers of memory.stat mean. They occur in the file and in the kernel log: the kernel prints the same text
// when a cgroup is out of memory. Pure: any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "core/sample.hpp"

namespace cgmm::kernel {

/// The number of a key; nullopt: there is no such key.
using Stat = std::function<std::optional<std::uint64_t>(std::string_view key)>;

namespace v1 {
/// The value including descendants if the kernel reports it, else the cgroup's own.
std::optional<std::uint64_t> hierarchical(const Stat& stat, std::string_view key);
core::MemorySample sample_of(const Stat& stat);
}  // namespace v1

namespace v2 {
core::MemorySample sample_of(const Stat& stat);
}

}  // namespace cgmm::kernel
