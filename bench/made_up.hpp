// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers of a container that nobody has run: one that allocates, reads and writes all the time. A test of recording
// with idle containers would flatter, for a 0 takes no byte on disk.

#include <cstdint>
#include <random>

#include "core/records.hpp"

namespace cgmm::bench {

/// A row with all that cgroup v2 tells of one that is not short of memory.
inline core::ScanRow busy_row(const core::CgroupRef& cgroup, std::minstd_rand& random) {
  using core::Counter;
  using core::Gauge;
  constexpr std::uint64_t kMiB = 1 << 20;
  constexpr std::uint64_t kPage = 4096;
  core::ScanRow row{.cgroup = cgroup, .gauges = {}, .increases = {}, .oom_kills_total = 0};
  const auto pages = [&](std::uint64_t up_to_bytes) { return random() % up_to_bytes / kPage * kPage; };
  for (const Gauge gauge : {Gauge::usage, Gauge::anon, Gauge::file}) row.gauges.set(gauge, pages(200 * kMiB));
  for (const Gauge gauge : {Gauge::shmem, Gauge::inactive_file, Gauge::active_file, Gauge::dirty, Gauge::kernel}) {
    row.gauges.set(gauge, pages(20 * kMiB));
  }
  row.gauges.set(Gauge::swap, 0);
  row.gauges.set(Gauge::slab_reclaimable, pages(20 * kMiB));
  row.gauges.set(Gauge::slab_unreclaimable, pages(2 * kMiB));
  row.increases.set(Counter::pgfault, random() % 5000);
  for (const Counter counter : {Counter::pgmajfault, Counter::refault_file}) row.increases.set(counter, random() % 200);
  for (const Counter counter : {Counter::refault_anon, Counter::pgscan, Counter::pgsteal, Counter::limit_hits,
                                Counter::oom_kills, Counter::psi_some_us, Counter::psi_full_us, Counter::low_events,
                                Counter::high_events, Counter::oom_events, Counter::oom_group_kills})
    row.increases.set(counter, 0);
  return row;
}

}  // namespace cgmm::bench
