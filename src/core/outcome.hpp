// SPDX-License-Identifier: Apache-2.0
#pragma once

// How far a reclaim goes, and its outcome. The outcome depends on what was measured before and after, not on the
// kernel's answer: EAGAIN can mean that nearly everything was freed. Pure: any thread.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <system_error>

#include "core/policy.hpp"
#include "core/records.hpp"

namespace cgmm::core {

/// The decrease of usage, at least 0; of file if usage is not known; nullopt if neither is.
std::optional<std::uint64_t> freed_bytes(const Gauges& before, const Gauges& after);

struct ReclaimPlan {
  bool all_at_once = false;               // v1: all that the kernel can drop, in one step
  std::uint64_t cache_bytes = 0;          // reclaimable cache before
  std::uint64_t target_bytes = 0;         // reclaimable cache to leave
  std::uint64_t most_bytes = UINT64_MAX;  // to take: the dose, which is dose_pct of what is idle
  std::int64_t dose_pct = 100;
  std::uint64_t reserve_bytes = 0;  // of the inactive list, to leave
  ReclaimPolicy policy = ReclaimPolicy::target;
  ReclaimBounds bounds;

  /// The plan for the cgroup as it is now.
  void follow(const MemorySample& now) {
    cache_bytes = reclaimable_cache_bytes(now.gauges);
    most_bytes = dose_bytes(now, policy, dose_pct, reserve_bytes);
  }

  /// Whether there is nothing to take. The Rust program's rule asks in any case: tmpfs is cache for it.
  bool is_reached() const { return policy != ReclaimPolicy::rust && (cache_bytes <= target_bytes || most_bytes == 0); }

  /// The cache above the target, but no more than the dose; at least 1.
  std::uint64_t requested_bytes() const {
    return cache_bytes > target_bytes ? std::max<std::uint64_t>(std::min(cache_bytes - target_bytes, most_bytes), 1)
                                      : 1;
  }
};

/// Of a cgroup as it is now: all that its settings let a reclaim take. `limit_bytes`: what limit_for() says.
ReclaimPlan plan_of(const MemorySample& now, std::optional<std::uint64_t> limit_bytes, const ReclaimSettings& settings,
                    ReclaimMethod method, const ReclaimBounds& bounds);

/// The most that the first reclaim of a cgroup takes, as far as its gauges tell.
std::uint64_t first_dose_bytes(const Candidate& candidate, const Learning& learning);

/// The state of a reclaim after one of its steps.
struct Progress {
  std::error_code answer;                    // the kernel's, to this step
  bool gone = false;                         // the cgroup was removed
  std::optional<std::uint64_t> cache_bytes;  // now; nullopt: it could not be read
  std::optional<std::uint64_t> freed_bytes;  // in all steps so far; nullopt: not known
  std::uint64_t asked_bytes = 0;             // in all steps so far
  std::int64_t window_us = 0;                // since PSI was last read
  std::optional<std::uint64_t> stalled_us;   // of it, according to PSI; nullopt: not read, or the kernel has no PSI
  std::int64_t elapsed_us = 0;               // since the first step began
  bool stopping = false;                     // the service stops
};

/// The least time between two reads of PSI: five ticks of the kernel's clock.
inline constexpr std::int64_t kPressureWindow_us = 20'000;

/// The size of the next step. Towards the end it is half of what is left, because Linux 6.1 frees up to 30 % more than
/// it is asked for. All steps together never ask for more than was planned, even if the cache grows meanwhile.
std::uint64_t next_step_bytes(const ReclaimPlan& plan, std::uint64_t cache_bytes, std::uint64_t asked_bytes);

/// Whether the kernel took no reclaim: of no cgroup (a read-only mount, systemd's ProtectControlGroups=yes, rights), or
/// of this one. Linux before 3.16 answers EBUSY to memory.force_empty of a cgroup with tasks or children before it
/// frees anything; later ones never do. Linux 2.6.32 says it also when a task comes while it reclaims: then something
/// was freed, and it is no refusal.
bool is_refused(const ReclaimPlan& plan, const Progress& progress);

/// Why the reclaim ends now; nullopt: it goes on.
std::optional<StoppedBy> stopped_by(const ReclaimPlan& plan, const Progress& progress);

/// `freed_bytes`: in all steps; nullopt: not known.
ReclaimOutcome outcome_of(StoppedBy stopped_by, const ReclaimPlan& plan, std::optional<std::uint64_t> freed_bytes,
                          std::int64_t step_count);

}  // namespace cgmm::core
