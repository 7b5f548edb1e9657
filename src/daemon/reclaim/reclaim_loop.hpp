// SPDX-License-Identifier: Apache-2.0
#pragma once

// The reclaimer's thread: takes the newest candidates, has them reclaimed, and shows its progress on the board.

#include <atomic>
#include <chrono>

#include "daemon/reclaim/mailbox.hpp"
#include "daemon/reclaim/reclaimer.hpp"
#include "daemon/service/status_board.hpp"

namespace cgmm::daemon {

class ReclaimLoop {
 public:
  /// Nothing is reclaimed before the cooldowns of earlier runs are known, or that time is over. The others are
  /// borrowed.
  ReclaimLoop(RecordQueue& queue, Mailbox<Candidates>& candidates, StatusBoard& board,
              std::chrono::milliseconds wait_for_cooldowns = std::chrono::seconds{10})
      : candidates_(candidates), board_(board), wait_for_cooldowns_(wait_for_cooldowns), reclaimer_({}, queue, board) {}

  /// Until the mailbox is closed.
  void run();
  /// The kernel is asked for nothing more. From any thread.
  void stop() { is_stopping_ = true; }

 private:
  void show_progress() { board_.set_reclaimer_at_us(steady_now_us()); }

  Mailbox<Candidates>& candidates_;
  StatusBoard& board_;
  std::chrono::milliseconds wait_for_cooldowns_;
  Reclaimer reclaimer_;
  std::atomic<bool> is_stopping_{false};
};

}  // namespace cgmm::daemon
