// SPDX-License-Identifier: Apache-2.0
#include "kernel/memory_stat.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <string>

namespace cgmm::kernel {

using core::Counter;
using core::Gauge;

namespace v1 {

std::optional<std::uint64_t> hierarchical(const Stat& stat, std::string_view key) {
  const auto total = stat("total_" + std::string(key));
  return total ? total : stat(key);
}

// In the order of the kernel's text, which is the quickest.
core::MemorySample sample_of(const Stat& stat) {
  core::MemorySample sample;
  sample.gauges.set(Gauge::file, hierarchical(stat, "cache"));
  sample.gauges.set(Gauge::anon, hierarchical(stat, "rss"));
  sample.gauges.set(Gauge::shmem, hierarchical(stat, "shmem"));
  for (const char* const part : {"dirty", "writeback"}) {
    if (const auto bytes = hierarchical(stat, part)) sample.gauges.add(Gauge::dirty, *bytes);
  }
  sample.counters.set(Counter::refault_anon, hierarchical(stat, "workingset_refault_anon"));
  sample.counters.set(Counter::refault_file, hierarchical(stat, "workingset_refault_file"));
  sample.gauges.set(Gauge::swap, hierarchical(stat, "swap"));
  sample.counters.set(Counter::pgfault, hierarchical(stat, "pgfault"));
  sample.counters.set(Counter::pgmajfault, hierarchical(stat, "pgmajfault"));
  sample.gauges.set(Gauge::inactive_file, hierarchical(stat, "inactive_file"));
  sample.gauges.set(Gauge::active_file, hierarchical(stat, "active_file"));
  return sample;
}

}  // namespace v1

namespace v2 {
namespace {

/// Limited to the largest number that the kernel can write: five of these would overflow.
std::optional<std::uint64_t> sum(const Stat& stat, std::initializer_list<const char*> parts) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::optional<std::uint64_t> total;
  for (const char* const part : parts) {
    if (const auto bytes = stat(part)) total = std::min(total.value_or(0) + *bytes, kMost);
  }
  return total;
}

}  // namespace

// In the order of the kernel's text, which is the quickest.
core::MemorySample sample_of(const Stat& stat) {
  core::MemorySample sample;
  sample.gauges.set(Gauge::anon, stat("anon"));
  sample.gauges.set(Gauge::file, stat("file"));
  const auto kernel = stat("kernel");
  sample.gauges.set(Gauge::kernel,
                    kernel ? kernel : sum(stat, {"kernel_stack", "pagetables", "percpu", "sock", "slab"}));
  sample.gauges.set(Gauge::shmem, stat("shmem"));
  sample.gauges.set(Gauge::dirty, sum(stat, {"file_dirty", "file_writeback"}));
  sample.gauges.set(Gauge::inactive_file, stat("inactive_file"));
  sample.gauges.set(Gauge::active_file, stat("active_file"));
  sample.counters.set(Counter::refault_anon, stat("workingset_refault_anon"));
  const auto refault_file = stat("workingset_refault_file");
  sample.counters.set(Counter::refault_file, refault_file ? refault_file : stat("workingset_refault"));
  sample.counters.set(Counter::pgscan, stat("pgscan"));
  sample.counters.set(Counter::pgsteal, stat("pgsteal"));
  sample.counters.set(Counter::pgfault, stat("pgfault"));
  sample.counters.set(Counter::pgmajfault, stat("pgmajfault"));
  return sample;
}

}  // namespace v2

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
