// SPDX-License-Identifier: Apache-2.0
#include "core/near_limit.hpp"

#include <algorithm>
#include <utility>

#include "base/time.hpp"

namespace cgmm::core {
namespace {

constexpr std::int64_t kCalmAfter_us = base::kMinute_us;
constexpr std::int64_t kPeriod_us = 5 * base::kMinute_us;
constexpr std::int64_t kLookBefore_us = 5 * base::kSecond_us;
constexpr std::uint64_t kRise = 100;             // 1/100 of the limit
constexpr std::uint64_t kCollapse = 4;           // 1/4 of the limit: more than a swing
constexpr std::uint64_t kLeastChange = 1 << 20;  // of the node, between two readings

}  // namespace

/// The highest of the last minutes before this sample, which is then added to them. 0: nothing that would be a swing.
std::uint64_t NearLimit::recent_high_bytes(std::uint64_t held_bytes, std::uint64_t limit_bytes, bool over,
                                           std::int64_t now_us) {
  if (now_us - period_began_at_us_ >= kPeriod_us) {
    highest_before_bytes_ = now_us - period_began_at_us_ < 2 * kPeriod_us ? highest_bytes_ : 0;
    highest_bytes_ = 0;
    period_began_at_us_ = now_us;
  }
  const std::uint64_t high_bytes = std::max(highest_bytes_, highest_before_bytes_);
  const bool is_swing = !over && held_bytes + limit_bytes / kCollapse > high_bytes;
  if (!is_swing) highest_before_bytes_ = 0;
  highest_bytes_ = is_swing ? std::max(highest_bytes_, held_bytes) : over ? 0 : held_bytes;
  return is_swing ? high_bytes : 0;
}

void NearLimit::follow(std::uint64_t held_bytes, std::optional<std::uint64_t> limit_bytes, std::int64_t now_us,
                       double over_pct) {
  const std::uint64_t before_bytes = held_bytes_;
  const std::int64_t since_us = now_us - sampled_at_us_;
  const bool first = !std::exchange(is_sampled_, true);
  held_bytes_ = held_bytes;
  sampled_at_us_ = now_us;
  time_to_limit_us_ = INT64_MAX;
  is_big_step_ = limit_bytes && held_bytes > before_bytes && held_bytes - before_bytes >= *limit_bytes / kRise;
  if (!limit_bytes || *limit_bytes == 0) {
    is_near_ = false;
    headroom_bytes_.reset();
    look_at_us_ = INT64_MAX;
    return;
  }
  headroom_bytes_ = *limit_bytes - std::min(*limit_bytes, held_bytes);
  const auto full_after_s = static_cast<std::int64_t>(*headroom_bytes_ / kFastGrowth);
  look_at_us_ = now_us + std::max(kNearLimitEvery_us, full_after_s * base::kSecond_us - kLookBefore_us);
  const bool over = static_cast<double>(held_bytes) >= over_pct / 100 * static_cast<double>(*limit_bytes);
  const std::uint64_t from_bytes = std::max(before_bytes, recent_high_bytes(held_bytes, *limit_bytes, over, now_us));
  if (!first && held_bytes > from_bytes && since_us > 0) {
    const double rate = static_cast<double>(held_bytes - from_bytes) / static_cast<double>(since_us);
    time_to_limit_us_ = static_cast<std::int64_t>(std::min(static_cast<double>(*headroom_bytes_) / rate, 1e15));
  }
  const bool is_on_its_way = time_to_limit_us_ <= kNear_us;
  if (first || is_on_its_way || (over && held_bytes >= level_bytes_ + *limit_bytes / kRise)) {
    level_bytes_ = held_bytes;
    grew_at_us_ = now_us;
  }
  level_bytes_ = std::min(level_bytes_, held_bytes);
  is_near_ = is_on_its_way || ((over || is_near_) && now_us - grew_at_us_ < kCalmAfter_us);
}

bool NearLimit::may_be_full_soon() const {
  constexpr std::uint64_t kLeastBytes = kFastGrowth * (kLookBefore_us / base::kSecond_us);
  return headroom_bytes_ && (*headroom_bytes_ <= kLeastBytes || time_to_limit_us_ <= 2 * kLookBefore_us);
}

double NearLimit::rate_to(std::uint64_t held_bytes, std::int64_t now_us) const {
  const double growth = static_cast<double>(held_bytes) - static_cast<double>(held_bytes_);
  return growth / static_cast<double>(std::max<std::int64_t>(now_us - sampled_at_us_, 1));
}

bool is_worth_reading_all(std::uint64_t before_bytes, std::uint64_t now_bytes, std::uint64_t smallest_headroom_bytes) {
  const std::uint64_t change = std::max(before_bytes, now_bytes) - std::min(before_bytes, now_bytes);
  return change >= std::max(kLeastChange, smallest_headroom_bytes / 8);
}

bool is_fast_growth(std::uint64_t change_bytes, std::int64_t within_us) {
  const double within_s = static_cast<double>(within_us) / static_cast<double>(base::kSecond_us);
  return static_cast<double>(change_bytes) > within_s * static_cast<double>(kFastGrowth);
}

std::int64_t check_again_after_us(std::uint64_t smallest_headroom_bytes, unsigned processor_count) {
  constexpr std::uint64_t kBytesAMicrosecond = (1 << 30) / base::kSecond_us;
  const std::uint64_t half_used_after_us =
      smallest_headroom_bytes / 2 / kBytesAMicrosecond / std::max(processor_count, 1U);
  return static_cast<std::int64_t>(
      std::clamp<std::uint64_t>(half_used_after_us, kNearLimitEvery_us, 5 * base::kSecond_us));
}

}  // namespace cgmm::core
