// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the numbers of memory.stat mean, which the kernel log has too when a cgroup is out of memory; and those of the
// node in /proc. Any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "core/sample.hpp"
#include "kernel/parse.hpp"

namespace cgmm::kernel {

/// The number of a key.
using Stat = std::function<Number(std::string_view key)>;

template <class Key>
void put(core::Values<Key>& values, Key key, const Number& number) {
  number.is_no_number ? values.set_no_number(key) : values.set(key, number.value);
}

namespace v1 {
/// The value including descendants if the kernel reports it, else the cgroup's own.
Number hierarchical(const Stat& stat, std::string_view key);
core::MemorySample sample_of(const Stat& stat);
}  // namespace v1

namespace v2 {
core::MemorySample sample_of(const Stat& stat);
}

/// Memory that can't be dropped, swapped out or not: of processes, tmpfs and the kernel. nullopt: not known.
std::optional<std::uint64_t> node_held_bytes(const char* meminfo = "/proc/meminfo");

/// How many processes OOM kills have ended since the boot, whosever they were. The kernel counts a kill here before it
/// counts it for the cgroup. nullopt: not known (before 4.13).
std::optional<std::uint64_t> node_oom_kills(const char* vmstat = "/proc/vmstat");

}  // namespace cgmm::kernel
