// SPDX-License-Identifier: Apache-2.0
#include "kernel/memory_stat.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>

namespace cgmm::kernel {

using core::Counter;
using core::Gauge;

namespace v1 {

std::optional<std::uint64_t> hierarchical(const core::Values<Stat>& stat, Stat total) {
  if (stat.has(total)) return stat[total];
  return stat[static_cast<Stat>(static_cast<std::uint8_t>(total) + 1)];
}

core::MemorySample sample_of(const core::Values<Stat>& stat) {
  core::MemorySample sample;
  sample.gauges.set(Gauge::file, hierarchical(stat, Stat::total_cache));
  sample.gauges.set(Gauge::shmem, hierarchical(stat, Stat::total_shmem));
  sample.gauges.set(Gauge::anon, hierarchical(stat, Stat::total_rss));
  sample.gauges.set(Gauge::inactive_file, hierarchical(stat, Stat::total_inactive_file));
  sample.gauges.set(Gauge::active_file, hierarchical(stat, Stat::total_active_file));
  sample.gauges.set(Gauge::swap, hierarchical(stat, Stat::total_swap));
  for (const Stat part : {Stat::total_dirty, Stat::total_writeback}) {
    if (const auto bytes = hierarchical(stat, part)) sample.gauges.add(Gauge::dirty, *bytes);
  }
  sample.counters.set(Counter::pgfault, hierarchical(stat, Stat::total_pgfault));
  sample.counters.set(Counter::pgmajfault, hierarchical(stat, Stat::total_pgmajfault));
  sample.counters.set(Counter::refault_file, hierarchical(stat, Stat::total_workingset_refault_file));
  sample.counters.set(Counter::refault_anon, hierarchical(stat, Stat::total_workingset_refault_anon));
  return sample;
}

}  // namespace v1

namespace v2 {
namespace {

/// Limited to the largest number that the kernel can write: five of these would overflow.
std::optional<std::uint64_t> sum(const core::Values<Stat>& stat, std::initializer_list<Stat> parts) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::optional<std::uint64_t> total;
  for (const Stat part : parts) {
    if (stat.has(part)) total = std::min(total.value_or(0) + *stat[part], kMost);
  }
  return total;
}

}  // namespace

core::MemorySample sample_of(const core::Values<Stat>& stat) {
  core::MemorySample sample;
  sample.gauges.set(Gauge::anon, stat[Stat::anon]);
  sample.gauges.set(Gauge::file, stat[Stat::file]);
  sample.gauges.set(Gauge::shmem, stat[Stat::shmem]);
  sample.gauges.set(Gauge::inactive_file, stat[Stat::inactive_file]);
  sample.gauges.set(Gauge::active_file, stat[Stat::active_file]);
  sample.gauges.set(Gauge::dirty, sum(stat, {Stat::file_dirty, Stat::file_writeback}));
  sample.gauges.set(Gauge::kernel, stat.has(Stat::kernel) ? stat[Stat::kernel]
                                                          : sum(stat, {Stat::slab, Stat::kernel_stack, Stat::pagetables,
                                                                       Stat::percpu, Stat::sock}));
  sample.counters.set(Counter::pgfault, stat[Stat::pgfault]);
  sample.counters.set(Counter::pgmajfault, stat[Stat::pgmajfault]);
  sample.counters.set(Counter::refault_file, stat.has(Stat::workingset_refault_file)
                                                 ? stat[Stat::workingset_refault_file]
                                                 : stat[Stat::workingset_refault]);
  sample.counters.set(Counter::refault_anon, stat[Stat::workingset_refault_anon]);
  sample.counters.set(Counter::pgscan, stat[Stat::pgscan]);
  sample.counters.set(Counter::pgsteal, stat[Stat::pgsteal]);
  return sample;
}

}  // namespace v2
}  // namespace cgmm::kernel
