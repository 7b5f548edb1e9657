// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tells of a wall clock that was set, of a machine that slept, and of a reclaim that the kernel does not answer. The
// sampler's thread looks, since it wakes up every few seconds whatever happens. One thread.

#include <cstdint>

#include "daemon/clock.hpp"
#include "daemon/clock_watch.hpp"
#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/service/status_board.hpp"

namespace cgmm::daemon {

class ClockFaults {
 public:
  /// Both are borrowed.
  ClockFaults(RecordQueue& queue, const StatusBoard& board);

  /// `reclaim_timeout_us`: after which a signal ends the reclaimer's waiting for the kernel.
  void look(const Clocks& clocks, std::int64_t reclaim_timeout_us);

 private:
  void look_at_clocks(const Clocks& clocks);
  void look_at_reclaimer(const Clocks& clocks, std::int64_t reclaim_timeout_us);

  RecordQueue& queue_;
  const StatusBoard& board_;
  Fault clock_fault_;
  ClockWatch clock_watch_;
  ClockSetting clock_setting_;
  Fault hang_fault_;
  std::int64_t hangs_since_us_ = 0;  // while hang_fault_ is on
};

}  // namespace cgmm::daemon
