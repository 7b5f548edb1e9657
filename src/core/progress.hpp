// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether the service's threads make progress, and for how long one may show none before it counts as stuck. Pure: the
// time is an argument.

#include <cstdint>
#include <optional>

namespace cgmm::core {

/// When each thread last showed that it is getting on, of the steady clock; 0: it rests until there is work, or has
/// ended.
struct LastSigns {
  std::int64_t sampler_at_us = 0;
  std::int64_t reclaimer_at_us = 0;
  std::int64_t recorder_at_us = 0;
};

/// How long each may go without a sign.
struct Patience {
  std::int64_t sampler_us = 0;
  std::int64_t reclaimer_us = 0;
  std::int64_t recorder_us = 0;
};

/// The sampler shows itself every five seconds at least, but one scan under memory pressure takes its time: a minute,
/// or the watchdog's own time where that is shorter. The reclaimer may be in the kernel for reclaim_timeout, and a
/// kernel that does not look at signals meanwhile is no reason to start anew: it would hang in the same place. The
/// recorder waits for a disk.
Patience patience_for(std::int64_t reclaim_timeout_us, std::optional<std::int64_t> watchdog_us);

struct Stuck {
  bool sampler = false;
  bool reclaimer = false;
  bool recorder = false;

  /// Whether the node is protected. The recorder does not count: a hung disk must not restart the protection.
  bool protects() const { return !sampler && !reclaimer; }
  friend bool operator==(const Stuck&, const Stuck&) = default;
};

Stuck who_is_stuck(const LastSigns& signs, const Patience& patience, std::int64_t now_us);

}  // namespace cgmm::core
