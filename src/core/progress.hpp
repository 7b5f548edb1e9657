// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether the service's threads make progress, and after which time without progress a thread counts as stuck. Pure:
// the time is an argument.

#include <cstdint>
#include <optional>

namespace cgmm::core {

/// When each thread last showed progress (steady clock). 0: it waits for work, or has ended.
struct LastSigns {
  std::int64_t sampler_at_us = 0;
  std::int64_t reclaimer_at_us = 0;
  std::int64_t recorder_at_us = 0;
};

/// How long each thread may show no progress.
struct Patience {
  std::int64_t sampler_us = 0;
  std::int64_t reclaimer_us = 0;
  std::int64_t recorder_us = 0;
};

/// Sampler: a minute, or the watchdog's time if that is shorter. It shows progress at least every five seconds, but a
/// scan can be slow under memory pressure. Reclaimer: longer than reclaim_timeout, because a kernel that ignores
/// signals is no reason to restart: it would hang in the same place again. Recorder: it may wait for a disk.
Patience patience_for(std::int64_t reclaim_timeout_us, std::optional<std::int64_t> watchdog_us);

struct Stuck {
  bool sampler = false;
  bool reclaimer = false;
  bool recorder = false;

  /// Whether the node is protected. The recorder does not count: a hanging disk must not lead to a restart.
  bool protects() const { return !sampler && !reclaimer; }
  friend bool operator==(const Stuck&, const Stuck&) = default;
};

Stuck who_is_stuck(const LastSigns& signs, const Patience& patience, std::int64_t now_us);

}  // namespace cgmm::core
