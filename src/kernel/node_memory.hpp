// SPDX-License-Identifier: Apache-2.0
#pragma once

// The memory of the whole node: one small file instead of one for every cgroup. One thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace cgmm::kernel {

class NodeMemory {
 public:
  explicit NodeMemory(const char* meminfo = "/proc/meminfo");

  /// Memory that can't be dropped, swapped out or not: of processes, tmpfs and the kernel. nullopt: it can't be read.
  std::optional<std::uint64_t> held_bytes();

 private:
  base::Fd file_;
  std::string buffer_;
};

/// The same from the text of /proc/meminfo; nullopt if it has no AnonPages.
std::optional<std::uint64_t> held_bytes_of(std::string_view meminfo);

}  // namespace cgmm::kernel
