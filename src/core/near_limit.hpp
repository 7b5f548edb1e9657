// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which cgroups are near their limit. Memory that can be dropped does not count. Pure: times are arguments
// (microseconds of the steady clock). Each object belongs to one thread.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/optional_number.hpp"
#include "base/time.hpp"

namespace cgmm::core {

struct NearLimitBounds {
  double over_pct = 85;         // of the effective limit
  std::int64_t max_count = 20;  // cgroups at a time; 0: none

  friend bool operator==(const NearLimitBounds&, const NearLimitBounds&) = default;
};

inline constexpr std::int64_t kNearLimitEvery_us = base::kSecond_us;
/// While one of them grows so fast that it reaches its limit within kSoon_us.
inline constexpr std::int64_t kSoonEvery_us = base::kSecond_us / 4;
inline constexpr std::int64_t kSoon_us = 4 * base::kSecond_us;
/// A cgroup that would reach its limit within this time, at its present growth, is near it.
inline constexpr std::int64_t kNear_us = base::kMinute_us;
/// Growth up to this is noticed in time, whatever the other cgroups do: bytes a second.
inline constexpr std::uint64_t kFastGrowth = 50 << 20;

class NearLimit {
 public:
  /// A sample: the bytes that can't be dropped.
  void follow(std::uint64_t held_bytes, std::optional<std::uint64_t> limit_bytes, std::int64_t now_us, double over_pct);

  /// Whether it is over the share of its limit, or would reach it within a minute. Not if it did not grow for a minute,
  /// however full it is. Below that share, a rise counts only above the highest of the last minutes (five to ten):
  /// memory that goes up and down is no growth. After a fall by a quarter of the limit it is all forgotten, for a
  /// worker that was killed may be followed by one that grows as fast.
  bool is_near() const { return is_near_; }

  /// It reaches its limit so soon that there would be too few samples with one a second. Only while it grows by a
  /// hundredth of its limit between two samples: what stands at its limit moves less.
  bool is_soon() const { return is_near_ && time_to_limit_us_ <= kSoon_us && is_big_step_; }

  /// INT64_MAX: it does not grow, or only as far as it was a moment ago.
  std::int64_t time_to_limit_us() const { return time_to_limit_us_; }

  /// Bytes to the limit; nullopt: no limit, or no sample yet.
  std::optional<std::uint64_t> headroom_bytes() const { return headroom_bytes_; }

  /// Whether it may reach its limit within seconds: at its present growth, or at kFastGrowth.
  bool may_be_full_soon() const;

  /// How fast it has grown since the last sample, if it holds so much now: bytes a microsecond.
  double rate_to(std::uint64_t held_bytes, std::int64_t now_us) const;

  /// When its usage has to be read again: five seconds before it reaches its limit with kFastGrowth from the last
  /// sample on, but not within a second. INT64_MAX: it has no limit, or no sample yet.
  std::int64_t look_at_us() const { return look_at_us_; }
  /// Its usage was read: look again when this estimate of its state says.
  void put_off_look(const NearLimit& estimate) { look_at_us_ = estimate.look_at_us_; }

 private:
  std::uint64_t recent_high_bytes(std::uint64_t held_bytes, std::uint64_t limit_bytes, bool over, std::int64_t now_us);

  std::uint64_t held_bytes_ = 0;  // at the last sample
  std::int64_t sampled_at_us_ = 0;
  base::OptionalNumber<std::uint64_t> headroom_bytes_;
  std::int64_t time_to_limit_us_ = INT64_MAX;
  std::int64_t look_at_us_ = INT64_MAX;
  std::uint64_t level_bytes_ = 0;  // a rise over this by a hundredth of the limit is growth
  std::int64_t grew_at_us_ = 0;
  std::uint64_t highest_bytes_ = 0, highest_before_bytes_ = 0;  // in the present period, and in the one before it
  std::int64_t period_began_at_us_ = 0;
  bool is_sampled_ = false;
  bool is_near_ = false;
  bool is_big_step_ = false;  // from the sample before to the last one
};

/// Whether the node's memory has changed enough, since all cgroups were read, for the one with the smallest headroom to
/// be near its limit now. A fall counts too: it may hide a rise.
bool is_worth_reading_all(std::uint64_t before_bytes, std::uint64_t now_bytes, std::uint64_t smallest_headroom_bytes);

/// Whether one of them may have grown faster than kFastGrowth.
bool is_fast_growth(std::uint64_t change_bytes, std::int64_t within_us);

/// When to look again whether that is so: before half of the smallest headroom can be used up, at 1 GiB/s a processor.
/// One to five seconds.
std::int64_t check_again_after_us(std::uint64_t smallest_headroom_bytes, unsigned processor_count);

}  // namespace cgmm::core
