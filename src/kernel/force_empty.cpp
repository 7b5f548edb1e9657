// SPDX-License-Identifier: Apache-2.0
#include "kernel/force_empty.hpp"

#include <algorithm>
#include <cmath>

#include "base/time.hpp"

namespace cgmm::kernel {
namespace {

constexpr std::uint64_t kLastBytes = 4ULL << 20;  // a rest of this size is asked for at once, of a larger one half
constexpr double kFastest = 400 << 10;            // bytes freed in a microsecond, at most
constexpr double kFaster = 32;                    // than what has been seen last
constexpr double kSlower = 0.9;                   // at a time: a write that had to wait has freed little, too
constexpr double kShortest_us = 20;
constexpr double kLongest_us = 100'000;  // a signal that is to end the reclaim waits so long
constexpr double kMore = 1.125;          // in vain
constexpr double kLess = 31.0 / 32;      // not in vain
constexpr int kTries = 2;                // one in vain may be chance: the machine was busy

// The kernel goes on trying, but there is nothing to be had: after both. It gives up itself after 16 tries.
constexpr std::int64_t kGiveUpAfter_us = base::kSecond_us;
constexpr int kGiveUpAfterTries = 16;

}  // namespace

std::int64_t Pace::write_us(std::uint64_t left_bytes) const {
  const std::uint64_t aim_bytes = std::max(left_bytes / 2, std::min(left_bytes, kLastBytes));
  return std::llround(std::min(lead_us_ + static_cast<double>(aim_bytes) / bytes_per_us_, kLongest_us));
}

void Pace::note(std::int64_t write_us, std::uint64_t freed_bytes) {
  if (freed_bytes > 0) {
    in_vain_count_ = 0;
    const auto freed = static_cast<double>(freed_bytes);
    const double at_most_us = static_cast<double>(write_us) - freed / kFastest;
    const double seen = freed / std::max(static_cast<double>(write_us) - lead_us_, 1.0);
    bytes_per_us_ = std::min(std::max(kFaster * seen, bytes_per_us_ * kSlower), kFastest);
    lead_us_ = std::max(std::min(lead_us_ * kLess, at_most_us), kShortest_us);
  } else if (++in_vain_count_ % kTries == 0) {
    lead_us_ = std::min(lead_us_ * kMore, kLongest_us);
  }
}

std::error_code force_empty(const ForceEmpty& cgroup, Pace& pace, std::uint64_t bytes) {
  auto usage_bytes = cgroup.usage_bytes();
  if (!usage_bytes) return cgroup.write(kGiveUpAfter_us);
  std::int64_t last_freed_at_us = cgroup.now_us();
  for (std::uint64_t left_bytes = bytes;;) {
    const std::int64_t write_us = pace.write_us(left_bytes);
    const std::error_code answer = cgroup.write(write_us);
    const bool is_ended = answer == std::errc::interrupted;
    if (answer && !is_ended) return answer;
    const auto now_bytes = cgroup.usage_bytes();
    if (!now_bytes) return std::make_error_code(std::errc::no_such_device);
    // Of each write by itself: what the cgroup charges between two writes is not asked for.
    const std::uint64_t freed_bytes = *usage_bytes > *now_bytes ? *usage_bytes - *now_bytes : 0;
    usage_bytes = now_bytes;
    left_bytes -= std::min(left_bytes, freed_bytes);
    pace.note(write_us, freed_bytes);
    if (left_bytes == 0) return {};
    const std::int64_t now_us = cgroup.now_us();
    if (freed_bytes > 0) last_freed_at_us = now_us;
    const bool is_given_up = now_us - last_freed_at_us >= kGiveUpAfter_us && pace.in_vain_count() >= kGiveUpAfterTries;
    if (!is_ended || is_given_up) return std::make_error_code(std::errc::resource_unavailable_try_again);
    if (cgroup.is_interrupted()) return std::make_error_code(std::errc::interrupted);
  }
}

}  // namespace cgmm::kernel
