// SPDX-License-Identifier: Apache-2.0
#pragma once

// How much and how long the history stays. Plain data: any thread.

#include <cstdint>

#include "base/time.hpp"

namespace cgmm::core {

struct RetentionSettings {
  std::int64_t samples_us = 2 * base::kDay_us;
  std::int64_t incidents_us = 90 * base::kDay_us;  // samples around an OOM kill
  std::int64_t hours_us = 400 * base::kDay_us;
  std::int64_t events_us = 400 * base::kDay_us;  // reclaims, OOM kills, limits, service events, cgroups that ended
  std::int64_t max_size_bytes = 1LL << 30;       // of the database with its WAL

  friend bool operator==(const RetentionSettings&, const RetentionSettings&) = default;
};

}  // namespace cgmm::core
