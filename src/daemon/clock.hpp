// SPDX-License-Identifier: Apache-2.0
#pragma once

// The clocks. Only this room reads them; rules get the time as an argument.

#include <time.h>

#include <chrono>
#include <cstdint>
#include <functional>

namespace cgmm::daemon {

/// Microseconds since 1970: what is stored, and what cooldowns go by, because it survives a reboot. May be set back.
inline std::int64_t wall_now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Never goes back, and stands still while the machine is suspended: durations and the schedule.
inline std::int64_t steady_now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Never goes back, and goes on while the machine is suspended: what the wall clock would show had nobody set it.
inline std::int64_t boot_now_us() {
  struct timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

/// What this thread has taken of a processor.
inline std::int64_t thread_cpu_us() {
  struct timespec taken{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &taken);
  return taken.tv_sec * 1'000'000 + taken.tv_nsec / 1000;
}

/// All three, for whoever must also work in a time that somebody else makes.
struct Clocks {
  std::function<std::int64_t()> wall = wall_now_us;
  std::function<std::int64_t()> steady = steady_now_us;
  std::function<std::int64_t()> boot = boot_now_us;
};

}  // namespace cgmm::daemon
