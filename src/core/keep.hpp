// SPDX-License-Identifier: Apache-2.0
#pragma once

// The bounds of the history. Plain data: any thread.

#include <cstdint>

namespace cgmm::core {

/// For how long things are kept, and how big the file may get for them.
struct Keep {
  static constexpr std::int64_t kDayUs = 86'400'000'000;

  std::int64_t samples_us = 2 * kDayUs;
  std::int64_t incidents_us = 90 * kDayUs;  // samples around an OOM kill
  std::int64_t hours_us = 400 * kDayUs;
  std::int64_t events_us = 400 * kDayUs;    // reclaims, OOM kills, limits, service events, cgroups that ended
  std::int64_t max_size_bytes = 1LL << 30;  // of the database with its log

  friend bool operator==(const Keep&, const Keep&) = default;
};

}  // namespace cgmm::core
