// SPDX-License-Identifier: Apache-2.0
#pragma once

// How far a reclaim goes, and what came of it, judged by what was measured before and after it rather than by the
// kernel's answer: EAGAIN comes after nearly everything was freed. Pure: any thread.

#include <cstdint>
#include <optional>
#include <system_error>

#include "core/policy.hpp"
#include "core/records.hpp"

namespace cgmm::core {

/// What usage fell by, never below 0; by file where usage is unknown; nullopt where neither is.
std::optional<std::uint64_t> freed_bytes(const Gauges& before, const Gauges& after);

/// What a reclaim set out to do.
struct ReclaimPlan {
  bool all_at_once = false;        // v1: the kernel takes no amount, so there is one step
  std::uint64_t cache_bytes = 0;   // reclaimable, before
  std::uint64_t target_bytes = 0;  // to be left of it
  ReclaimBounds bounds;

  /// There is no more than is to be left: nothing to ask for.
  bool is_reached() const { return cache_bytes <= target_bytes; }

  /// The cache above the target; at least 1, so that it is asked for something.
  std::uint64_t requested_bytes() const { return cache_bytes > target_bytes ? cache_bytes - target_bytes : 1; }
};

/// Where a reclaim is after one of its steps.
struct Progress {
  std::error_code answer;                    // of the kernel, to this step
  bool gone = false;                         // the cgroup
  std::optional<std::uint64_t> cache_bytes;  // now; nullopt: it could not be read
  std::uint64_t asked_bytes = 0;             // in all steps so far
  std::int64_t window_us = 0;                // since PSI was last read
  std::optional<std::uint64_t> stalled_us;   // in that, as PSI has it; nullopt: it was not read, or the kernel has none
  std::int64_t elapsed_us = 0;               // since the first one began
  bool stopping = false;                     // the service
};

/// PSI is read after this long of steps, at the earliest: five ticks of the kernel's clock. In less it has little to
/// say.
inline constexpr std::int64_t kPressureWindow_us = 20'000;

/// How much to ask for next: a step, at most. Towards the end it is half of what is left to the target, because 6.1
/// frees up to 30 % more than it is asked for. More is never asked for in all than at first was to be freed, however
/// much is cached meanwhile.
std::uint64_t next_step_bytes(const ReclaimPlan& plan, std::uint64_t cache_bytes, std::uint64_t asked_bytes);

/// Why the reclaim ends here; nullopt when it goes on.
std::optional<StoppedBy> stopped_by(const ReclaimPlan& plan, const Progress& progress);

/// `freed_bytes`: in all steps; nullopt where it is unknown.
ReclaimOutcome outcome_of(StoppedBy stopped_by, const ReclaimPlan& plan, std::optional<std::uint64_t> freed_bytes,
                          std::int64_t step_count);

}  // namespace cgmm::core
