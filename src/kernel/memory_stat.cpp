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

namespace {

/// Of those parts that there are. Limited to the largest number that the kernel can write: five of these would
/// overflow. If one of them is no number, neither is the sum.
template <class PartOf>
Number sum(const PartOf& part_of, std::initializer_list<const char*> parts) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  Number total;
  for (const char* const part : parts) {
    const Number number = part_of(part);
    total.is_no_number = total.is_no_number || number.is_no_number;
    if (number.value) total.value = std::min(total.value.value_or(0) + *number.value, kMost);
  }
  if (total.is_no_number) total.value.reset();
  return total;
}

}  // namespace

namespace v1 {

Number hierarchical(const Stat& stat, std::string_view key) {
  const Number total = stat("total_" + std::string(key));
  return total.is_absent() ? stat(key) : total;
}

// In the order of the kernel's text, which is the quickest.
core::MemorySample sample_of(const Stat& stat) {
  core::MemorySample sample;
  const auto value_of = [&](const char* key) { return hierarchical(stat, key); };
  put(sample.gauges, Gauge::file, value_of("cache"));
  put(sample.gauges, Gauge::anon, value_of("rss"));
  put(sample.gauges, Gauge::shmem, value_of("shmem"));
  sample.mapped_bytes = value_of("mapped_file").value;
  put(sample.gauges, Gauge::dirty, sum(value_of, {"dirty", "writeback"}));
  put(sample.counters, Counter::refault_anon, value_of("workingset_refault_anon"));
  put(sample.counters, Counter::refault_file, value_of("workingset_refault_file"));
  put(sample.gauges, Gauge::swap, value_of("swap"));
  put(sample.counters, Counter::pgfault, value_of("pgfault"));
  put(sample.counters, Counter::pgmajfault, value_of("pgmajfault"));
  put(sample.gauges, Gauge::inactive_file, value_of("inactive_file"));
  put(sample.gauges, Gauge::active_file, value_of("active_file"));
  put(sample.gauges, Gauge::slab_reclaimable, value_of("slab_reclaimable"));
  put(sample.gauges, Gauge::slab_unreclaimable, value_of("slab_unreclaimable"));
  return sample;
}

}  // namespace v1

namespace v2 {

// In the order of the kernel's text, which is the quickest.
core::MemorySample sample_of(const Stat& stat) {
  core::MemorySample sample;
  put(sample.gauges, Gauge::anon, stat("anon"));
  put(sample.gauges, Gauge::file, stat("file"));
  const Number kernel = stat("kernel");
  put(sample.gauges, Gauge::kernel,
      kernel.is_absent() ? sum(stat, {"kernel_stack", "pagetables", "percpu", "sock", "slab"}) : kernel);
  put(sample.gauges, Gauge::shmem, stat("shmem"));
  sample.mapped_bytes = stat("file_mapped").value;
  put(sample.gauges, Gauge::dirty, sum(stat, {"file_dirty", "file_writeback"}));
  put(sample.gauges, Gauge::inactive_file, stat("inactive_file"));
  put(sample.gauges, Gauge::active_file, stat("active_file"));
  put(sample.gauges, Gauge::slab_reclaimable, stat("slab_reclaimable"));
  put(sample.gauges, Gauge::slab_unreclaimable, stat("slab_unreclaimable"));
  put(sample.counters, Counter::refault_anon, stat("workingset_refault_anon"));
  const Number refault_file = stat("workingset_refault_file");
  put(sample.counters, Counter::refault_file, refault_file.is_absent() ? stat("workingset_refault") : refault_file);
  put(sample.counters, Counter::pgscan, stat("pgscan"));
  put(sample.counters, Counter::pgsteal, stat("pgsteal"));
  put(sample.counters, Counter::pgfault, stat("pgfault"));
  put(sample.counters, Counter::pgmajfault, stat("pgmajfault"));
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

std::optional<std::uint64_t> node_oom_kills(const char* vmstat) {
  std::ifstream file(vmstat);
  std::string key;
  for (std::uint64_t value = 0; file >> key >> value;) {
    if (key == "oom_kill") return value;
  }
  return std::nullopt;
}

}  // namespace cgmm::kernel
