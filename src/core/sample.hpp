// SPDX-License-Identifier: Apache-2.0
#pragma once

// One cgroup's memory statistics, with the same names in C++, SQL and the documentation. kernel/controller.hpp says
// which kernel file each value comes from. Plain data: any thread.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/values.hpp"

namespace cgmm::core {

/// A cgroup's identity: its path below the root of the memory hierarchy (always with a leading '/', any bytes but NUL)
/// and the inode of its directory, so that a recreated cgroup is another one.
struct CgroupId {
  std::string path;
  std::uint64_t inode = 0;

  friend bool operator==(const CgroupId&, const CgroupId&) = default;
};

/// What memory is used for, now.
enum class Gauge : std::uint8_t {
  usage,
  anon,
  file,  // page cache, tmpfs and shared memory included
  shmem,
  inactive_file,
  active_file,
  dirty,  // waiting for or under writeback
  kernel,
  swap,
  count_
};
inline constexpr std::array<std::string_view, Values<Gauge>::kSize> kGaugeNames = {
    "usage", "anon", "file", "shmem", "inactive_file", "active_file", "dirty", "kernel", "swap"};

/// What has happened since the cgroup was made. Refaults, scans and steals count pages; psi_* are microseconds.
enum class Counter : std::uint8_t {
  pgfault,
  pgmajfault,
  refault_file,
  refault_anon,
  pgscan,
  pgsteal,
  limit_hits,
  oom_kills,
  psi_some_us,
  psi_full_us,
  count_
};
inline constexpr std::array<std::string_view, Values<Counter>::kSize> kCounterNames = {
    "pgfault", "pgmajfault", "refault_file", "refault_anon", "pgscan",
    "pgsteal", "limit_hits", "oom_kills",    "psi_some_us",  "psi_full_us"};

using Gauges = Values<Gauge>;      // bytes
using Counters = Values<Counter>;  // absolute, or an increase where it says so

/// The limits that hold for a cgroup; nullopt means there is none.
struct Limits {
  std::optional<std::uint64_t> limit_bytes;  // its own
  std::optional<std::uint64_t>
      effective_limit_bytes;                // the smallest of its own, its ancestors' and the machine's memory
  std::optional<std::uint64_t> high_bytes;  // v2 memory.high

  friend bool operator==(const Limits&, const Limits&) = default;
};

/// One cgroup's numbers at one instant.
struct MemorySample {
  Gauges gauges;
  Counters counters;  // absolute, as the kernel has them
};

/// The page cache that can be dropped: the kernel counts tmpfs and shared memory as cache, but can't drop them. All of
/// `file` if the kernel does not report shmem (the minimal v1 directory). 0 without `file`.
inline std::uint64_t reclaimable_cache_bytes(const Gauges& gauges) {
  const std::uint64_t file_bytes = gauges.value_or(Gauge::file, 0);
  const std::uint64_t shmem_bytes = gauges.value_or(Gauge::shmem, 0);
  return file_bytes > shmem_bytes ? file_bytes - shmem_bytes : 0;
}

/// The increase of each counter from one sample of a cgroup to the next. Absent if either sample lacks it, or if it
/// decreased.
Counters increase(const Counters& before, const Counters& after);

}  // namespace cgmm::core

template <>
struct std::hash<cgmm::core::CgroupId> {
  std::size_t operator()(const cgmm::core::CgroupId& id) const noexcept {
    return std::hash<std::string>{}(id.path) ^ (std::hash<std::uint64_t>{}(id.inode) * 0x9e3779b97f4a7c15ULL);
  }
};
