// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tells of the faults that scans find: no parent directory, cgroups that can't be read, cgroups over max_cgroups,
// directories without an inotify watch. One thread.

#include <cstdint>

#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/sampling/tracked.hpp"

namespace cgmm::daemon {

class ScanFaults {
 public:
  explicit ScanFaults(RecordQueue& queue);

  /// While there is nothing to scan, what was wrong with single cgroups neither goes on nor ends.
  void tell(const PassResult& result, std::int64_t now_us);

 private:
  void tell_of_unwatched(std::int64_t count);

  Fault cgroups_fault_;
  Fault max_cgroups_fault_;
  Fault parent_fault_;
  bool unwatched_told_ = false;
};

}  // namespace cgmm::daemon
