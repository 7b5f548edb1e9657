// SPDX-License-Identifier: Apache-2.0
#pragma once

// The reclaimer's thread: takes what a scan has found due, has it reclaimed, and shows on the board that it gets on.

#include <atomic>

#include "daemon/reclaim/mailbox.hpp"
#include "daemon/reclaim/reclaimer.hpp"
#include "daemon/service/status_board.hpp"

namespace cgmm::daemon {

class ReclaimLoop {
 public:
  /// All are borrowed.
  ReclaimLoop(RecordQueue& queue, Mailbox<Candidates>& candidates, StatusBoard& board)
      : candidates_(candidates), board_(board), reclaimer_({}, queue, board) {}

  /// Until the mailbox is closed. Nothing is reclaimed before the cooldowns of earlier runs are known, for ten seconds
  /// at most.
  void run();
  /// The kernel is asked for nothing more. From any thread.
  void stop() { is_stopping_ = true; }

 private:
  void gets_on() { board_.set_reclaimer_at_us(steady_now_us()); }
  void count_cooldowns();

  Mailbox<Candidates>& candidates_;
  StatusBoard& board_;
  Reclaimer reclaimer_;
  std::atomic<bool> is_stopping_{false};
};

}  // namespace cgmm::daemon
