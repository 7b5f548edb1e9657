// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether the service's threads make progress. Pure: the time is an argument.

#include <cstdint>
#include <optional>

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
Stuck who_is_stuck(const LastSigns& signs, std::int64_t reclaim_timeout_us, std::optional<std::int64_t> watchdog_us,
                   std::int64_t now_us);

}  // namespace cgmm::core
