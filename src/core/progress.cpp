// SPDX-License-Identifier: Apache-2.0
#include "core/progress.hpp"

#include <algorithm>

#include "base/time.hpp"

namespace cgmm::core {
namespace {

constexpr std::int64_t kSamplerLeast_us = 10 * base::kSecond_us;
constexpr std::int64_t kSamplerMost_us = 60 * base::kSecond_us;
constexpr std::int64_t kReclaimerLeast_us = 120 * base::kSecond_us;
constexpr std::int64_t kRecorder_us = 60 * base::kSecond_us;

bool is_over(std::int64_t sign_at_us, std::int64_t patience_us, std::int64_t now_us) {
  return sign_at_us != 0 && now_us - sign_at_us > patience_us;
}

}  // namespace

Patience patience_for(std::int64_t reclaim_timeout_us, std::optional<std::int64_t> watchdog_us) {
  return {.sampler_us = std::clamp(watchdog_us.value_or(kSamplerMost_us), kSamplerLeast_us, kSamplerMost_us),
          .reclaimer_us = std::max(kReclaimerLeast_us, 4 * reclaim_timeout_us),
          .recorder_us = kRecorder_us};
}

Stuck who_is_stuck(const LastSigns& signs, const Patience& patience, std::int64_t now_us) {
  return {.sampler = is_over(signs.sampler_at_us, patience.sampler_us, now_us),
          .reclaimer = is_over(signs.reclaimer_at_us, patience.reclaimer_us, now_us),
          .recorder = is_over(signs.recorder_at_us, patience.recorder_us, now_us)};
}

}  // namespace cgmm::core
