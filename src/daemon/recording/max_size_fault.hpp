// SPDX-License-Identifier: Apache-2.0
#pragma once

// The fault `max_size`: something was dropped before its time, or left out, for want of room. It tells what and whose,
// and ends after ten minutes without. One thread.

#include <cstdint>

#include "daemon/fault.hpp"
#include "store/age/losses.hpp"

namespace cgmm::daemon {

class MaxSizeFault {
 public:
  explicit MaxSizeFault(RecordQueue& queue) : fault_("max_size", queue) {}

  /// After each batch. `losses`: since the call before. `at_us` is of the wall clock, `steady_us` of the steady one.
  void follow(std::int64_t at_us, std::int64_t steady_us, const store::Losses& losses);

 private:
  Fault fault_;
  store::Losses all_;  // since it began
  std::int64_t lost_last_at_us_ = 0;
};

}  // namespace cgmm::daemon
