// SPDX-License-Identifier: Apache-2.0
#pragma once

// Notices that the wall clock was set and that the machine slept, by the two clocks that nobody can set: one of them
// goes on while the machine is suspended, the other stands still. Pure arithmetic on their microseconds. One thread an
// object.

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

#include "daemon/clock.hpp"

namespace cgmm::daemon {

class ClockWatch {
 public:
  /// What happened since the last look; 0: nothing.
  struct Seen {
    std::int64_t set_by_us = 0;  // less than 0: back
    std::int64_t slept_us = 0;
  };
  /// A wall clock that is slewed, by a tenth at most, is not set, and a second is corrected without anybody's noticing.
  Seen look(const Clocks& clocks) {
    const std::int64_t began_us = clocks.boot();
    const Reading now{clocks.wall(), clocks.steady(), clocks.boot()};
    if (clocks.boot() - began_us > kNoise_us / 2)
      return {};  // somebody stopped us in between: these are of different times
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

/// The fault that a wall clock is being set: begins when it is, ends when it has run evenly for ten minutes, or has
/// been set to where it would be had nobody touched it.
class ClockSetting {
 public:
  /// Whether something is to be said after a look at `boot_us` of the clock that is never set.
  enum class Say : std::uint8_t { nothing, begins, ends };
  Say after(const ClockWatch::Seen& seen, std::int64_t boot_us) {
    if (seen.set_by_us != 0) {
      set_by_us_ += seen.set_by_us;
      set_at_us_ = boot_us;
      if (is_on_ && std::abs(set_by_us_) <= kEven_us) return end();
      is_on_ = true;
      return Say::begins;
    }
    return is_on_ && boot_us - set_at_us_ >= kEndsAfter_us ? end() : Say::nothing;
  }
  /// In all since it began; less than 0: back.
  std::int64_t set_by_us() const { return set_by_us_; }

 private:
  static constexpr std::int64_t kEven_us = 2'000'000;
  static constexpr std::int64_t kEndsAfter_us = 600'000'000;

  Say end() {
    is_on_ = false;
    set_by_us_ = 0;
    return Say::ends;
  }

  bool is_on_ = false;
  std::int64_t set_by_us_ = 0;
  std::int64_t set_at_us_ = 0;
};

}  // namespace cgmm::daemon
