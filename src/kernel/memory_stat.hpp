// SPDX-License-Identifier: Apache-2.0
#pragma once

// The keys of memory.stat. They occur in the file and in the kernel log: the kernel prints the same text when a cgroup
// is out of memory. Pure: any thread.

#include <cstdint>
#include <optional>

#include "core/sample.hpp"
#include "core/values.hpp"
#include "kernel/parse.hpp"

namespace cgmm::kernel::v1 {

/// The keys that are used. Each total_ key is directly before the same key without total_.
enum class Stat : std::uint8_t {
  total_cache,
  cache,
  total_shmem,
  shmem,
  total_rss,
  rss,
  total_inactive_file,
  inactive_file,
  total_active_file,
  active_file,
  total_dirty,
  dirty,
  total_writeback,
  writeback,
  total_swap,
  swap,
  total_pgfault,
  pgfault,
  total_pgmajfault,
  pgmajfault,
  total_workingset_refault_file,
  workingset_refault_file,
  total_workingset_refault_anon,
  workingset_refault_anon,
  hierarchical_memory_limit,
  count_
};
inline constexpr KeyTable<Stat> kStat(
    "total_cache cache total_shmem shmem total_rss rss total_inactive_file inactive_file total_active_file "
    "active_file total_dirty dirty total_writeback writeback total_swap swap total_pgfault pgfault "
    "total_pgmajfault pgmajfault total_workingset_refault_file workingset_refault_file "
    "total_workingset_refault_anon workingset_refault_anon hierarchical_memory_limit");

/// The value including descendants if the kernel reports it, else the cgroup's own. `total` is one of the total_ keys.
std::optional<std::uint64_t> hierarchical(const core::Values<Stat>& stat, Stat total);

core::MemorySample sample_of(const core::Values<Stat>& stat);

}  // namespace cgmm::kernel::v1

namespace cgmm::kernel::v2 {

/// The keys that are used.
enum class Stat : std::uint8_t {
  anon,
  file,
  shmem,
  inactive_file,
  active_file,
  file_dirty,
  file_writeback,
  kernel,
  slab,
  kernel_stack,
  pagetables,
  percpu,
  sock,
  pgfault,
  pgmajfault,
  workingset_refault_file,
  workingset_refault_anon,
  workingset_refault,
  pgscan,
  pgsteal,
  count_
};
inline constexpr KeyTable<Stat> kStat(
    "anon file shmem inactive_file active_file file_dirty file_writeback kernel slab kernel_stack pagetables "
    "percpu sock pgfault pgmajfault workingset_refault_file workingset_refault_anon workingset_refault pgscan "
    "pgsteal");

core::MemorySample sample_of(const core::Values<Stat>& stat);

}  // namespace cgmm::kernel::v2
