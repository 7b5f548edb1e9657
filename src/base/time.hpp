// SPDX-License-Identifier: Apache-2.0
#pragma once

// Lengths of time in microseconds, which is how the program counts them.

#include <cstdint>

namespace cgmm::base {

inline constexpr std::int64_t kSecond_us = 1'000'000;
inline constexpr std::int64_t kMinute_us = 60 * kSecond_us;
inline constexpr std::int64_t kHour_us = 60 * kMinute_us;
inline constexpr std::int64_t kDay_us = 24 * kHour_us;

}  // namespace cgmm::base
