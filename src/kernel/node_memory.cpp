// SPDX-License-Identifier: Apache-2.0
#include "kernel/node_memory.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <string>

namespace cgmm::kernel {

std::optional<std::uint64_t> node_held_bytes(const char* meminfo) {
  constexpr std::array kHeld = {
      "AnonPages:", "Shmem:", "SUnreclaim:", "KernelStack:", "PageTables:", "Percpu:", "SwapTotal:"};
  std::uint64_t held_kib = 0;
  std::uint64_t swap_free_kib = 0;
  bool is_known = false;
  std::ifstream file(meminfo);
  std::string key;
  for (std::uint64_t kib = 0; file >> key >> kib; file.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    if (std::find(kHeld.begin(), kHeld.end(), key) != kHeld.end()) held_kib += kib;
    if (key == "SwapFree:") swap_free_kib = kib;
    is_known = is_known || key == "AnonPages:";
  }
  if (!is_known) return std::nullopt;
  return (held_kib - std::min(held_kib, swap_free_kib)) * 1024;
}

}  // namespace cgmm::kernel
