// SPDX-License-Identifier: Apache-2.0
#include "kernel/node_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace cgmm::kernel {
namespace {

constexpr std::size_t kBufferBytes = 8 * 1024;

/// "AnonPages:         123456 kB"
std::optional<std::uint64_t> kib_of(std::string_view line) {
  const std::size_t first = line.find_first_of("0123456789", line.find(':'));
  if (first == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(line.data() + first, line.data() + line.size(), value);
  if (error != std::errc{} || value > UINT64_MAX / 1024 / 16) return std::nullopt;
  return value;
}

}  // namespace

NodeMemory::NodeMemory(const char* meminfo)
    : file_(::open(meminfo, O_RDONLY | O_CLOEXEC)), buffer_(kBufferBytes, '\0') {}

std::optional<std::uint64_t> NodeMemory::held_bytes() {
  const ssize_t got = file_ ? ::pread(file_.get(), buffer_.data(), buffer_.size(), 0) : -1;
  if (got <= 0) return std::nullopt;
  return held_bytes_of({buffer_.data(), static_cast<std::size_t>(got)});
}

std::optional<std::uint64_t> held_bytes_of(std::string_view meminfo) {
  constexpr std::array<std::string_view, 7> kAdded = {"AnonPages",  "Shmem",  "SUnreclaim", "KernelStack",
                                                      "PageTables", "Percpu", "SwapTotal"};
  std::uint64_t held_kib = 0;
  std::uint64_t swap_free_kib = 0;
  bool any = false;
  while (!meminfo.empty()) {
    const std::string_view line = meminfo.substr(0, meminfo.find('\n'));
    meminfo.remove_prefix(std::min(line.size() + 1, meminfo.size()));
    const std::string_view key = line.substr(0, line.find(':'));
    const bool added = std::find(kAdded.begin(), kAdded.end(), key) != kAdded.end();
    if (!added && key != "SwapFree") continue;
    const auto kib = kib_of(line);
    if (!kib) continue;
    (added ? held_kib : swap_free_kib) += *kib;
    any = any || key == "AnonPages";
  }
  if (!any) return std::nullopt;
  return (held_kib - std::min(held_kib, swap_free_kib)) * 1024;
}

}  // namespace cgmm::kernel
