// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why a process was killed: told from what the memory was made of at the kill, and from the samples before it. Pure
// rules: no I/O, no clock. Any thread.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "core/oom.hpp"
#include "core/sample.hpp"

namespace cgmm::core {

/// schema/0003 says what each means.
enum class OomCause : std::uint8_t { anon_growth, shmem, kernel_memory, cache, limit_too_small, ancestor_limit, node };
/// As the database has it.
std::string_view to_string(OomCause cause);

/// A sample of the victim's cgroup.
struct MemoryBefore {
  std::int64_t at_us = 0;
  Gauges gauges;  // bytes
};

struct OomEvidence {
  OomScope scope = OomScope::cgroup;
  bool limit_is_above = false;  // the limit that was hit is not the cgroup's own, but that of one above it
  bool limit_is_below = false;  // it is that of a cgroup nested in it, which the kernel's numbers are of
  std::int64_t killed_at_us = 0;
  std::optional<MemoryAtKill> at_kill;           // by the kernel's log
  std::vector<MemoryBefore> before;              // of the half hour before, oldest first
  std::optional<std::uint64_t> limit_bytes;      // that held for the victim's cgroup, as last recorded
  std::optional<std::int64_t> first_seen_at_us;  // the victim's cgroup
  std::int64_t early_kill_count =
      0;  // of the same workload, earlier that day, within kEarly_us of their cgroup's start
};

/// Of a cgroup this young it is said that it did not get past its start.
inline constexpr std::int64_t kEarly_us = base::kMinute_us;
/// With so many kills like it before, it is the limit that does not fit.
inline constexpr std::int64_t kEarlyKills = 2;

/// How memory that can't be dropped grew, up to the kill.
struct OomGrowth {
  std::int64_t from_at_us = 0;
  std::uint64_t from_bytes = 0;
  std::uint64_t to_bytes = 0;
};

struct OomExplanation {
  std::optional<OomCause> cause;               // nullopt: too little is known
  bool from_log = false;                       // `gauges` are the kernel's own, at the kill; else of the last sample
  std::optional<std::int64_t> measured_at_us;  // nullopt: there are no numbers
  Gauges gauges;
  std::optional<std::uint64_t> limit_bytes;
  std::optional<OomGrowth> growth;
};

/// What of its memory a cgroup can't give back by dropping page cache; nullopt where its usage is not known.
std::optional<std::uint64_t> held_bytes(const Gauges& gauges);

OomExplanation explain(const OomEvidence& evidence);

}  // namespace cgmm::core
