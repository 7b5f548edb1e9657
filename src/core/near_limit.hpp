// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which cgroups are about to hit their limit: they are sampled every second, so that the seconds before an OOM kill are
// on record. Memory that can be dropped does not count, for the kernel drops it before it kills. Pure state and rules,
// no clock: instants come from outside (microseconds of a clock that is never set). One thread an object.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace cgmm::core {

struct NearLimitBounds {
  double over_pct = 85;         // of the effective limit
  std::int64_t max_count = 20;  // cgroups at a time; 0: none

  friend bool operator==(const NearLimitBounds&, const NearLimitBounds&) = default;
};

/// How often those are sampled.
inline constexpr std::int64_t kNearLimitEvery_us = base::kSecond_us;
/// A cgroup that would be at its limit so soon, if it went on growing as it does, is near it.
inline constexpr std::int64_t kNear_us = base::kMinute_us;

/// One cgroup, sample by sample.
class NearLimit {
 public:
  /// What it holds now (bytes that can't be dropped). Without a limit it can't get near it.
  void follow(std::uint64_t held_bytes, std::optional<std::uint64_t> limit_bytes, std::int64_t now_us, double over_pct);

  /// It is over the share of its limit, or would be at it within a minute, and has not calmed down. One that has stood
  /// still for a minute is calm, however full, until it grows again.
  bool is_near() const { return is_near_; }

  /// Until it is at its limit, if it goes on so; the less, the more urgent. INT64_MAX: it does not grow.
  std::int64_t time_to_limit_us() const { return time_to_limit_us_; }

  /// What is left up to the limit; nullopt: no limit, or no sample yet.
  std::optional<std::uint64_t> headroom_bytes() const {
    return headroom_bytes_ == kNoLimit ? std::nullopt : std::optional(headroom_bytes_);
  }

 private:
  static constexpr std::uint64_t kNoLimit = UINT64_MAX;

  std::uint64_t held_bytes_ = 0;  // at the last sample
  std::int64_t sampled_at_us_ = 0;
  std::uint64_t headroom_bytes_ = kNoLimit;
  std::int64_t time_to_limit_us_ = INT64_MAX;
  std::uint64_t level_bytes_ = 0;  // a rise over this by a hundredth of the limit is growth
  std::int64_t grew_at_us_ = 0;
  bool is_sampled_ = false;
  bool is_near_ = false;
};

/// Whether what the node as a whole holds has changed so much since the usage of all cgroups was read that one of them
/// may be on its way to its limit, the nearest of which is `smallest_headroom_bytes` away. A fall counts as well, for
/// it may hide a rise.
bool is_worth_reading_all(std::uint64_t before_bytes, std::uint64_t now_bytes, std::uint64_t smallest_headroom_bytes);

/// How long it may take until what the node holds is read again, if the nearest limit is so far away: no more than half
/// of that is used up by then, even if every processor does nothing but fill memory, at 1 GiB/s. From a second to five.
std::int64_t read_again_after_us(std::uint64_t smallest_headroom_bytes, std::int64_t processor_count);

}  // namespace cgmm::core
