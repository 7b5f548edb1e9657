// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers of a container that nobody has run: one that allocates, reads and writes all the time. A test of recording
// with idle containers would flatter, for a 0 takes no byte on disk.

#include <algorithm>
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

/// Makes of a row the one of the next scan. Busy: it allocates and reads something between two scans; else hardly ever.
inline void follow(core::ScanRow& row, bool is_busy, std::minstd_rand& random) {
  using core::Counter;
  using core::Gauge;
  constexpr std::int64_t kPage = 4096;
  constexpr std::int64_t kMost = 240 << 20;
  constexpr std::uint32_t kSeldom = 30;
  const bool moves = is_busy || random() % kSeldom == 0;
  std::int64_t grown = 0;
  for (const Gauge gauge : {Gauge::anon, Gauge::inactive_file, Gauge::active_file}) {
    if (!moves || random() % 2 == 0) continue;
    const auto before = static_cast<std::int64_t>(row.gauges.value_or(gauge, 0));
    const std::int64_t change = (static_cast<std::int64_t>(random() % 513) - 256) * kPage;
    const std::int64_t after = std::clamp<std::int64_t>(before + change, 0, kMost / 4);
    row.gauges.set(gauge, static_cast<std::uint64_t>(after));
    grown += after - before;
  }
  const auto add = [&](Gauge gauge, std::int64_t bytes) {
    const auto before = static_cast<std::int64_t>(row.gauges.value_or(gauge, 0));
    row.gauges.set(gauge, static_cast<std::uint64_t>(std::clamp<std::int64_t>(before + bytes, 0, kMost)));
  };
  if (moves) {
    add(Gauge::usage, grown);
    add(Gauge::file, grown / 2 / kPage * kPage);
    if (random() % 4 == 0) row.gauges.set(Gauge::dirty, random() % 64 * kPage);
    if (random() % 8 == 0) add(Gauge::slab_reclaimable, (static_cast<std::int64_t>(random() % 9) - 4) * kPage);
  }
  row.increases.set(Counter::pgfault, moves ? random() % 2000 : 0);
  for (const Counter counter : {Counter::pgmajfault, Counter::refault_file})
    row.increases.set(counter, moves && random() % 8 == 0 ? random() % 50 : 0);
}

}  // namespace cgmm::bench
