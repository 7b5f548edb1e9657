// SPDX-License-Identifier: Apache-2.0
#pragma once

// One cgroup's memory statistics, with the same names in C++, SQL and the documentation. kernel/controller.hpp says
// which kernel file each value comes from. Plain data: any thread.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cgmm::core {

/// A fixed set of numbers, each of which may be absent: a value that the kernel lacks is not 0. Key is an enum class
/// that counts up from 0 and ends in `count_`. Small, because a scan holds one set for every cgroup.
template <class Key>
class Values {
 public:
  static constexpr std::size_t kSize = static_cast<std::size_t>(Key::count_);
  static_assert(kSize <= 32);

  std::optional<std::uint64_t> operator[](Key key) const {
    if (!has(key)) return std::nullopt;
    return values_[index(key)];
  }
  bool has(Key key) const { return (present_ & bit(key)) != 0; }
  /// The value, or `fallback` where it is absent.
  std::uint64_t value_or(Key key, std::uint64_t fallback) const { return has(key) ? values_[index(key)] : fallback; }
  void set(Key key, std::optional<std::uint64_t> value) {
    values_[index(key)] = value.value_or(0);
    present_ = value ? present_ | bit(key) : present_ & ~bit(key);
    no_number_ &= ~bit(key);
  }
  /// The kernel has the value, but what it wrote is no number, such as -4096: absent.
  void set_no_number(Key key) {
    set(key, std::nullopt);
    no_number_ |= bit(key);
  }
  bool is_no_number(Key key) const { return (no_number_ & bit(key)) != 0; }
  /// Adds to the value; an absent one counts as 0 and becomes present.
  void add(Key key, std::uint64_t value) { set(key, value_or(key, 0) + value); }
  std::size_t size() const { return static_cast<std::size_t>(std::popcount(present_)); }

  friend bool operator==(const Values&, const Values&) = default;

 private:
  static constexpr std::size_t index(Key key) { return static_cast<std::size_t>(key); }
  static constexpr std::uint32_t bit(Key key) { return std::uint32_t{1} << index(key); }

  std::array<std::uint64_t, kSize> values_{};
  std::uint32_t present_ = 0;
  std::uint32_t no_number_ = 0;
};

/// A cgroup's identity: its path below the root of the memory hierarchy (always with a leading '/', any bytes but NUL)
/// and the inode of its directory, so that a recreated cgroup is another one.
struct CgroupId {
  std::string path;
  std::uint64_t inode = 0;

  friend bool operator==(const CgroupId&, const CgroupId&) = default;
};

/// What memory is used for, now. `file` is page cache, tmpfs and shared memory; `dirty` includes what is being written.
/// `peak` is the kernel's highest usage since the cgroup was made; in a ScanRow, see peak_since().
enum class Gauge : std::uint8_t {
  usage,
  anon,
  file,
  shmem,
  inactive_file,
  active_file,
  dirty,
  kernel,
  swap,
  slab_reclaimable,
  slab_unreclaimable,
  peak,
  count_
};
inline constexpr std::array<std::string_view, Values<Gauge>::kSize> kGaugeNames = {"usage",
                                                                                   "anon",
                                                                                   "file",
                                                                                   "shmem",
                                                                                   "inactive_file",
                                                                                   "active_file",
                                                                                   "dirty",
                                                                                   "kernel",
                                                                                   "swap",
                                                                                   "slab_reclaimable",
                                                                                   "slab_unreclaimable",
                                                                                   "peak"};

/// What has happened since the cgroup was made. Refaults, scans and steals count pages; psi_* are microseconds.
/// limit_hits and *_events are those of v2 memory.events (limit_hits: max); v1 has limit_hits only.
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
  low_events,
  high_events,
  oom_events,
  oom_group_kills,
  count_
};
inline constexpr std::array<std::string_view, Values<Counter>::kSize> kCounterNames = {
    "pgfault",   "pgmajfault",  "refault_file", "refault_anon", "pgscan",      "pgsteal",    "limit_hits",
    "oom_kills", "psi_some_us", "psi_full_us",  "low_events",   "high_events", "oom_events", "oom_group_kills"};

using Gauges = Values<Gauge>;      // bytes
using Counters = Values<Counter>;  // absolute, or an increase where it says so

/// The limits that hold for a cgroup; nullopt means there is none.
struct Limits {
  std::optional<std::uint64_t> limit_bytes;            // its own
  std::optional<std::uint64_t> effective_limit_bytes;  // the smallest: own, ancestors', the machine's memory
  std::optional<std::uint64_t> high_bytes;             // v2 memory.high

  friend bool operator==(const Limits&, const Limits&) = default;
};

/// One cgroup's numbers at one instant.
struct MemorySample {
  Gauges gauges;
  Counters counters;                          // absolute, as the kernel has them
  std::optional<std::uint64_t> mapped_bytes;  // page cache that processes have mapped, tmpfs included; not recorded
  std::optional<bool> stands_still;           // v1: under_oom 1 with oom_kill_disable 1: all tasks wait for memory
};

/// The page cache that can be dropped: the kernel counts tmpfs and shared memory as cache, but can't drop them. Without
/// shmem, the page cache on the LRU lists, where tmpfs is not. All of `file` if the kernel reports neither (the minimal
/// v1 directory); 0 if it reports them as something that is no number: what is not known is not dropped. 0 without
/// `file`. schema/0007 has the same as sample.reclaimable_cache_kib.
inline std::uint64_t reclaimable_cache_bytes(const Gauges& gauges) {
  const std::uint64_t file_bytes = gauges.value_or(Gauge::file, 0);
  if (const auto shmem = gauges[Gauge::shmem]) return file_bytes - std::min(file_bytes, *shmem);
  const auto inactive = gauges[Gauge::inactive_file];
  const auto active = gauges[Gauge::active_file];
  if (inactive && active) return std::min(file_bytes, *inactive + *active);
  for (const auto gauge : {Gauge::shmem, Gauge::inactive_file, Gauge::active_file}) {
    if (gauges.is_no_number(gauge)) return 0;
  }
  return file_bytes;
}

/// Page cache, dentries, inodes and other caches of the kernel that can be dropped.
inline std::uint64_t reclaimable_bytes(const Gauges& gauges) {
  return reclaimable_cache_bytes(gauges) + gauges.value_or(Gauge::slab_reclaimable, 0);
}

/// The highest usage between two samples of a cgroup, where it is known and says more than the samples: the kernel's
/// peak rose from one to the next, and is over the usage of the second (it is over that of the first in any case).
inline std::optional<std::uint64_t> peak_since(std::optional<std::uint64_t> peak_before_bytes, const Gauges& now) {
  const auto peak = now[Gauge::peak];
  const bool rose = peak && peak_before_bytes && *peak > *peak_before_bytes;
  return rose && *peak > now.value_or(Gauge::usage, 0) ? peak : std::nullopt;
}

/// The increase of each counter from one sample of a cgroup to the next. Absent if either sample lacks it, or if it
/// decreased.
inline Counters increase(const Counters& before, const Counters& after) {
  Counters result;
  for (std::size_t i = 0; i < Counters::kSize; ++i) {
    const auto counter = static_cast<Counter>(i);
    const auto from = before[counter];
    const auto to = after[counter];
    if (from && to && *to >= *from) result.set(counter, *to - *from);
  }
  return result;
}

}  // namespace cgmm::core

template <>
struct std::hash<cgmm::core::CgroupId> {
  std::size_t operator()(const cgmm::core::CgroupId& id) const noexcept {
    return std::hash<std::string>{}(id.path) ^ (std::hash<std::uint64_t>{}(id.inode) * 0x9e3779b97f4a7c15ULL);
  }
};
