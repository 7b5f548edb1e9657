// SPDX-License-Identifier: Apache-2.0
#pragma once

// How long to leave an engine alone that has refused: longer with each refusal, and not the same on every node. While
// this lasts nothing is sent at all, so a node asks an engine in trouble for one thing at a time. Pure: one thread.

#include <algorithm>
#include <cstdint>
#include <random>

#include "base/time.hpp"
#include "fleet/ship/destination.hpp"

namespace cgmm::fleet {

class Backoff {
 public:
  explicit Backoff(std::uint64_t seed) : random_(seed) {}

  /// Microseconds until the next attempt: between half of the time and all of it.
  std::int64_t after(Refusal refusal) {
    const auto [first_us, most_us] = times_of(refusal);
    std::int64_t wait_us = first_us;
    for (std::int64_t i = 0; i < failures_ && wait_us < most_us; ++i) wait_us *= 2;
    ++failures_;
    return share_of(std::min(wait_us, most_us), 0.5);
  }
  void worked() { failures_ = 0; }
  std::int64_t failures() const { return failures_; }

  /// A random part of a time, `least` of it or more.
  std::int64_t share_of(std::int64_t time_us, double least) {
    return static_cast<std::int64_t>(static_cast<double>(time_us) *
                                     std::uniform_real_distribution<double>(least, 1)(random_));
  }

 private:
  struct Times {
    std::int64_t first_us, most_us;
  };
  /// An engine with too many parts needs time to merge them; what is wrong with a setting is not mended in a second.
  static Times times_of(Refusal refusal) {
    using base::kMinute_us, base::kSecond_us;
    if (refusal == Refusal::transient || refusal == Refusal::bad_rows) return {kSecond_us, 5 * kMinute_us};
    return refusal == Refusal::permanent ? Times{kMinute_us, 10 * kMinute_us} : Times{30 * kSecond_us, 10 * kMinute_us};
  }

  std::mt19937_64 random_;
  std::int64_t failures_ = 0;
};

}  // namespace cgmm::fleet
