// SPDX-License-Identifier: Apache-2.0
#pragma once

// The faults that the sampler notices: in its scans, and whenever it wakes up, which is every few seconds. One thread.

#include <cstdint>

#include "daemon/clock.hpp"
#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/sampling/cgroup_finder.hpp"
#include "daemon/service/status_board.hpp"

namespace cgmm::daemon {

class SamplerFaults {
 public:
  /// Both are borrowed.
  SamplerFaults(RecordQueue& queue, const StatusBoard& board) : queue_(queue), board_(board) {}

  /// A scan without a parent directory says nothing about single cgroups: their faults neither go on nor end.
  void after_scan(const PassResult& result, std::int64_t now_us);
  void follow_clocks(const Clocks& clocks);
  /// `reclaim_timeout_us`: after which a signal ends the reclaimer's waiting for the kernel.
  void follow_reclaimer(const Clocks& clocks, std::int64_t reclaim_timeout_us);

 private:
  void after_scan(const Untold& untold, std::int64_t now_us);

  RecordQueue& queue_;
  const StatusBoard& board_;
  Fault cgroups_{"cgroups", queue_};
  Fault kernel_numbers_{"kernel_numbers", queue_};
  Fault memory_controller_{"memory_controller", queue_};
  Fault max_cgroups_{"max_cgroups", queue_};
  Fault parent_{"parent", queue_};
  Fault without_watch_{"", queue_};  // costs more, and loses nothing
  Fault clock_{"clock", queue_};
  ClockSteps clock_steps_;
  std::int64_t set_by_us_ = 0;  // in all since clock_ began; less than 0: back
  std::int64_t set_at_us_ = 0;  // last
  Fault hang_{"reclaim_hang", queue_};
  std::int64_t hangs_since_us_ = 0;  // while hang_ is on
};

}  // namespace cgmm::daemon
