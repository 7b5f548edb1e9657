// SPDX-License-Identifier: Apache-2.0
#include "daemon/kills/flood.hpp"

#include <algorithm>
#include <string>

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kEndsAfter_us = 60'000'000;
constexpr std::uint64_t kWorse = 100;  // times as many lost, to be told again

}  // namespace

void Flood::lost(std::uint64_t count) {
  lost_at_us_ = clocks_.steady();
  lost_count_ += std::max<std::uint64_t>(count, 1);
  if (is_on() && lost_count_ < kWorse * told_lost_count_) return;
  told_lost_count_ = lost_count_;
  fault_.begin(clocks_.wall(), std::to_string(lost_count_) +
                                   " records of the kernel log were overwritten before they were read; OOM kills among "
                                   "them are found by the cgroups' counters alone");
}

void Flood::tend() {
  if (!is_on() || clocks_.steady() - lost_at_us_ < kEndsAfter_us) return;
  fault_.end(clocks_.wall(), "the kernel log is read as fast as it is written again, after " +
                                 std::to_string(lost_count_) + " records were lost");
  lost_count_ = 0;
}

}  // namespace cgmm::daemon
