// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether the service's threads make progress. Pure: the time is an argument.

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace cgmm::core {

/// When each thread last showed progress (steady clock). 0: it waits for work, or has ended.
struct LastSigns {
  std::int64_t sampler_at_us = 0;
  std::int64_t reclaimer_at_us = 0;
  std::int64_t recorder_at_us = 0;
};

/// The threads that have shown no progress for too long.
struct Stuck {
  bool sampler = false;
  bool reclaimer = false;
  bool recorder = false;

  /// Whether the node is protected. The recorder does not count: a hanging disk must not lead to a restart.
  bool protects() const { return !sampler && !reclaimer; }
  friend bool operator==(const Stuck&, const Stuck&) = default;
};

/// `watchdog_us`: the time of systemd's watchdog.
inline Stuck who_is_stuck(const LastSigns& signs, std::int64_t reclaim_timeout_us,
                          std::optional<std::int64_t> watchdog_us, std::int64_t now_us) {
  const auto is_over = [&](std::int64_t sign_at_us, std::int64_t patience_us) {
    return sign_at_us != 0 && now_us - sign_at_us > patience_us;
  };
  // The sampler shows progress every five seconds, but a scan can be slow under memory pressure.
  const std::int64_t sampler_us =
      std::clamp(watchdog_us.value_or(base::kMinute_us), 10 * base::kSecond_us, base::kMinute_us);
  // A kernel that ignores signals is no reason to restart: the next reclaim would hang in the same place.
  const std::int64_t reclaimer_us = std::max(2 * base::kMinute_us, 4 * reclaim_timeout_us);
  return {.sampler = is_over(signs.sampler_at_us, sampler_us),
          .reclaimer = is_over(signs.reclaimer_at_us, reclaimer_us),
          .recorder = is_over(signs.recorder_at_us, base::kMinute_us)};
}

}  // namespace cgmm::core
