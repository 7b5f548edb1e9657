// SPDX-License-Identifier: Apache-2.0
#pragma once

// Cgroups that are stuck: nothing is killed, but their tasks make no progress. Pure: times are arguments (microseconds
// of the wall clock). Each object belongs to one thread.
//
//   memory_high  v2: in each ten seconds of a minute it went over memory.high, which the kernel answers by slowing
//                the tasks down, and for more than half of the time all of its tasks waited for memory
//   under_oom    v1: it is out of memory with the OOM killer disabled: every task that needs memory stands still
//
// memory_high needs memory.pressure: without it nothing is said.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/time.hpp"
#include "core/sample.hpp"

namespace cgmm::core {

enum class StuckKind : std::uint8_t { memory_high, under_oom };
inline std::string_view to_string(StuckKind kind) {
  return kind == StuckKind::memory_high ? "memory_high" : "under_oom";
}

enum class StuckState : std::uint8_t {
  unknown,  // no sample to compare with, or it may be the begin of a minute
  no,
  yes
};

/// Since it began.
struct Standstill {
  StuckKind kind = StuckKind::memory_high;
  std::int64_t began_at_us = 0;
  std::uint64_t high_events = 0;
  std::uint64_t psi_full_us = 0;

  friend bool operator==(const Standstill&, const Standstill&) = default;
};

/// The time after which a cgroup at memory.high is stuck, and the parts of it in each of which that must be so.
inline constexpr std::int64_t kStuckAfter_us = base::kMinute_us;
inline constexpr std::int64_t kStuckPart_us = 10 * base::kSecond_us;

/// Follows one cgroup.
class StuckWatch {
 public:
  /// A sample, and the increases of the counters since the one at `before_at_us`; nullopt: there is none.
  StuckState follow(const MemorySample& sample, const Counters& increases, std::optional<std::int64_t> before_at_us,
                    std::int64_t at_us);

  /// What it is, if follow() has just said yes.
  const std::optional<Standstill>& stuck() const { return stuck_; }

 private:
  StuckState follow_high(std::uint64_t high_events, std::uint64_t psi_full_us, std::int64_t before_at_us,
                         std::int64_t at_us);

  std::optional<Standstill> stuck_;
  std::optional<Standstill> part_;  // the ten seconds that are not over yet
  std::optional<Standstill> run_;   // the parts in a row in which it was so
};

/// StuckWatch::follow() with a watch that is there only while it has something to remember: few cgroups need one.
StuckState follow_stuck(std::unique_ptr<StuckWatch>& watch, const MemorySample& sample, const Counters& increases,
                        std::optional<std::int64_t> before_at_us, std::int64_t at_us);

}  // namespace cgmm::core
