// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/clock_faults.hpp"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kGrace_us = 5 * base::kSecond_us;  // a reclaim that was told to end may still take this long

}  // namespace

ClockFaults::ClockFaults(RecordQueue& queue, const StatusBoard& board)
    : queue_(queue), board_(board), clock_fault_("clock", queue), hang_fault_("reclaim_hang", queue) {}

void ClockFaults::look(const Clocks& clocks, std::int64_t reclaim_timeout_us) {
  look_at_clocks(clocks);
  look_at_reclaimer(clocks, reclaim_timeout_us);
}

/// Scans go by a clock that nobody sets and that stands still while the machine sleeps, so neither makes one late.
void ClockFaults::look_at_clocks(const Clocks& clocks) {
  const ClockWatch::Seen seen = clock_watch_.look(clocks);
  if (seen.slept_us > 0) {
    const std::string slept = "the machine slept for " + base::format_duration_us(seen.slept_us);
    spdlog::info("{}", slept);
    queue_.push(core::ServiceEvent{clocks.wall(), "gap", slept});
  }
  switch (clock_setting_.after(seen, clocks.boot())) {
    case ClockSetting::Say::nothing:
      return;
    case ClockSetting::Say::begins: {
      const std::int64_t set_by_us = clock_setting_.set_by_us();
      const std::string by = base::format_duration_us(std::abs(set_by_us));
      clock_fault_.begin(clocks.wall(),
                         set_by_us > 0 ? "the wall clock was set forth by " + by
                                       : "the wall clock was set back by " + by +
                                             ": what is recorded from now on has instants that are on record already");
      return;
    }
    case ClockSetting::Say::ends:
      clock_fault_.end(clocks.wall(), "the wall clock is even again: set to where it was, or not set for ten minutes");
      return;
  }
}

/// What goes on although a signal should have ended it can't be helped from here.
void ClockFaults::look_at_reclaimer(const Clocks& clocks, std::int64_t reclaim_timeout_us) {
  const Asking asking = board_.asking();
  if (hang_fault_.is_on() && asking.since_us != hangs_since_us_) {
    hang_fault_.end(clocks.wall(), "the kernel has answered, reclaims go on");
  }
  if (hang_fault_.is_on() || asking.since_us == 0) return;
  const std::int64_t waited_us = clocks.steady() - asking.since_us;
  if (waited_us < reclaim_timeout_us + kGrace_us) return;
  hangs_since_us_ = asking.since_us;
  hang_fault_.begin(clocks.wall(), "a reclaim of " + asking.path + " has been waiting for the kernel for " +
                                       base::format_duration_us(waited_us) +
                                       " and can't be interrupted: until it answers, nothing is reclaimed");
}

}  // namespace cgmm::daemon
