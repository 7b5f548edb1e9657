// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/status_board.hpp"

namespace cgmm::daemon {

void StatusBoard::hand_over(core::Handover handover) {
  write(handover_, std::move(handover));
  write(is_handed_over_, true);
  handed_over_.notify_all();
}

void StatusBoard::end_waits() {
  write(are_waits_ended_, true);
  handed_over_.notify_all();
}

bool StatusBoard::wait_for_handover(std::optional<std::chrono::milliseconds> time) {
  base::Lock lock(mutex_);
  const auto is_over = [&] { return is_handed_over_ || are_waits_ended_; };
  if (time) {
    handed_over_.wait_for(lock, *time, is_over);
  } else {
    handed_over_.wait(lock, is_over);
  }
  return is_handed_over_;
}

core::Cooldowns StatusBoard::take_cooldowns() {
  const base::Lock lock(mutex_);
  return std::exchange(handover_.cooldowns, {});
}

std::optional<EarlierKills::Totals> StatusBoard::take_oom_kills_total() {
  const base::Lock lock(mutex_);
  if (!is_handed_over_ || std::exchange(are_oom_kills_taken_, true)) return std::nullopt;
  return std::exchange(handover_.oom_kills_total, {});
}

}  // namespace cgmm::daemon
