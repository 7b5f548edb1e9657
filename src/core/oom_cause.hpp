// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why a process was killed: from the kinds of memory at the kill, and from the samples before it. Pure: no I/O, no
// clock, any thread.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "core/records.hpp"
#include "core/sample.hpp"

namespace cgmm::core {

/// schema/0003 and 0007 explain each.
enum class OomCause : std::uint8_t {
  anon_growth,
  shmem,
  kernel_memory,
  cache,
  limit_too_small,
  ancestor_limit,
  node,
  cpuset,
  memory_policy,
  fragmentation,
  sysrq
};
inline std::string_view to_string(OomCause cause) {
  return word_of(cause, {"anon_growth", "shmem", "kernel_memory", "cache", "limit_too_small", "ancestor_limit", "node",
                         "cpuset", "memory_policy", "fragmentation", "sysrq"});
}

/// A sample of the victim's cgroup.
struct MemoryBefore {
  std::int64_t at_us = 0;
  Gauges gauges;  // bytes
};

struct OomEvidence {
  OomScope scope = OomScope::cgroup;
  bool limit_is_above = false;  // an ancestor hit its limit; the kernel's numbers are about that one
  bool is_as_its_own = false;   // that ancestor is its pod, whose limit it does not really share
  bool limit_is_below = false;  // a nested cgroup hit its limit; the kernel's numbers are about that one
  std::int64_t killed_at_us = 0;
  std::optional<MemoryAtKill> at_kill;           // from the kernel log
  std::vector<MemoryBefore> before;              // in the half hour before, oldest first
  std::optional<std::uint64_t> limit_bytes;      // of the victim's cgroup, as last recorded
  std::optional<std::int64_t> first_seen_at_us;  // the victim's cgroup
  std::int64_t early_kill_count = 0;  // of the workload, earlier that day, within kEarly_us of their cgroup's start
};

/// A cgroup younger than this was killed during its start.
inline constexpr std::int64_t kEarly_us = base::kMinute_us;
/// After this many earlier kills during the start, the limit is too small.
inline constexpr std::int64_t kEarlyKills = 2;

/// The growth, up to the kill, of memory that can't be dropped.
struct OomGrowth {
  std::int64_t from_at_us = 0;
  std::uint64_t from_bytes = 0;
  std::uint64_t to_bytes = 0;
};

struct OomExplanation {
  std::optional<OomCause> cause;               // nullopt: too little is known
  bool from_log = false;                       // `gauges` are from the kernel log; else from the last sample
  std::optional<std::int64_t> measured_at_us;  // nullopt: there are no numbers
  Gauges gauges;
  std::optional<std::uint64_t> limit_bytes;
  std::optional<OomGrowth> growth;
};

/// Usage without page cache and slab that can be dropped; nullopt: the usage is not known.
std::optional<std::uint64_t> held_bytes(const Gauges& gauges);

OomExplanation explain(const OomEvidence& evidence);

}  // namespace cgmm::core
