// SPDX-License-Identifier: Apache-2.0
#pragma once

// The clocks. Only this room reads them; rules get the time as an argument.

#include <time.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

namespace cgmm::daemon {

inline std::int64_t clock_us(clockid_t clock) {
  struct timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

/// Microseconds since 1970: for records and cooldowns, because it survives a reboot. May be set back.
inline std::int64_t wall_now_us() { return clock_us(CLOCK_REALTIME); }
/// Never goes back, and stands still while the machine is suspended: durations and the schedule. The same clock as
/// std::chrono::steady_clock.
inline std::int64_t steady_now_us() { return clock_us(CLOCK_MONOTONIC); }
/// Never goes back, and goes on while the machine is suspended.
inline std::int64_t boot_now_us() { return clock_us(CLOCK_BOOTTIME); }
/// The processor time of this thread.
inline std::int64_t thread_cpu_us() { return clock_us(CLOCK_THREAD_CPUTIME_ID); }

/// Tests have clocks of their own.
struct Clocks {
  std::function<std::int64_t()> wall = wall_now_us;
  std::function<std::int64_t()> steady = steady_now_us;
  std::function<std::int64_t()> boot = boot_now_us;
};

/// Notices clock steps and suspends, by the two clocks that nobody can set. One thread an object.
class ClockSteps {
 public:
  /// What has happened since the last call; 0: nothing.
  struct Seen {
    std::int64_t set_by_us = 0;  // less than 0: back
    std::int64_t slept_us = 0;
  };
  /// Neither slewing (by a tenth at most) nor a correction of up to a second is a step.
  Seen look(const Clocks& clocks) {
    const std::int64_t began_us = clocks.boot();
    const Reading now{clocks.wall(), clocks.steady(), clocks.boot()};
    if (clocks.boot() - began_us > kNoise_us / 2) return {};  // interrupted in between: they are of different times
    const std::optional<Reading> before = std::exchange(last_, now);
    if (!before) return {};
    const std::int64_t passed_us = now.boot_us - before->boot_us;
    const std::int64_t set_by_us = now.wall_us - before->wall_us - passed_us;
    const std::int64_t slept_us = passed_us - (now.steady_us - before->steady_us);
    return {.set_by_us = std::abs(set_by_us) > kNoise_us + passed_us / 10 ? set_by_us : 0,
            .slept_us = slept_us > kNoise_us ? slept_us : 0};
  }

 private:
  struct Reading {
    std::int64_t wall_us, steady_us, boot_us;
  };
  static constexpr std::int64_t kNoise_us = 1'000'000;

  std::optional<Reading> last_;
};

}  // namespace cgmm::daemon
