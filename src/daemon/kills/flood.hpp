// SPDX-License-Identifier: Apache-2.0
#pragma once

// The fault that the kernel log is written faster than it is read, so that records are lost. It ends after a minute
// without a loss. One thread.

#include <cstdint>

#include "daemon/clock.hpp"
#include "daemon/fault.hpp"

namespace cgmm::daemon {

class Flood {
 public:
  /// Both are borrowed.
  Flood(RecordQueue& queue, const Clocks& clocks) : fault_("kernel_log", queue), clocks_(clocks) {}

  bool is_on() const { return fault_.is_on(); }
  /// So many records were overwritten before they were read; 0: it is not known how many.
  void lost(std::uint64_t count);
  /// Ends it when a minute has passed.
  void tend();
  /// The log is not read any more.
  void end() { fault_.end(clocks_.wall(), "the kernel log is not read any more"); }

 private:
  Fault fault_;
  const Clocks& clocks_;
  std::uint64_t lost_count_ = 0;  // since it began
  std::uint64_t told_lost_count_ = 0;
  std::int64_t lost_at_us_ = 0;  // the last of them, of the steady clock
};

}  // namespace cgmm::daemon
