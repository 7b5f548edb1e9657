// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/reclaim_loop.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "daemon/clock.hpp"
#include "daemon/reclaim/alarm.hpp"
#include "daemon/service/signals.hpp"

namespace cgmm::daemon {

void ReclaimLoop::run() {
  std::optional<Alarm> alarm;
  Reclaimer::Interrupts interrupts;  // asked between two reclaims and before each step, which shows progress
  interrupts.newer_scan = [&] {
    show_progress();
    return candidates_.has_newer();
  };
  interrupts.stopping = [&] {
    show_progress();
    return is_stopping_.load();
  };
  try {
    alarm.emplace(kWakeSignal);
    interrupts.wake_after_us = [&](std::int64_t us) { alarm->set(us); };
  } catch (const std::exception& error) {
    spdlog::warn("reclaim_timeout holds between the steps of a reclaim only: {}", error.what());
  }
  if (!board_.wait_for_handover(wait_for_cooldowns_) && !is_stopping_)
    spdlog::warn("the history has not been opened yet: reclaims go on without the cooldowns of earlier runs");
  while (auto candidates = candidates_.take()) {
    show_progress();
    reclaimer_.reclaim_due(*candidates, interrupts);
    const std::int64_t now_us = wall_now_us();
    board_.set_in_cooldown_count(
        std::ranges::count_if(reclaimer_.cooldowns(), [&](const auto& one) { return one.second.until_us > now_us; }));
    board_.set_reclaimer_at_us(0);
  }
  reclaimer_.stop();
}

}  // namespace cgmm::daemon
