// SPDX-License-Identifier: Apache-2.0
#pragma once

// Checks whether the other threads make progress, answers `status`, and has the watchdog fed while the node is
// protected. Main thread only. It never waits, and touches the disk in open() and remove() only: a hanging disk must
// not look like a hanging service.

#include <cstdint>
#include <string>

#include "core/progress.hpp"
#include "daemon/clock.hpp"
#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/service/live_status.hpp"
#include "daemon/service/notify.hpp"
#include "daemon/service/status_board.hpp"
#include "daemon/service/status_socket.hpp"

namespace cgmm::daemon {

class Supervisor {
 public:
  /// The first three are borrowed.
  Supervisor(RecordQueue& queue, StatusSocket& socket, const StatusBoard& board, std::string version,
             const Notifier::Environment& manager, Clocks clocks = {});

  /// Makes the status socket; logs where that is refused.
  void open();

  /// For poll(): answer() when it is readable; and how long to wait until the next look.
  int fd() const { return answers_left_ > 0 ? socket_.fd() : -1; }
  int ms_until_look() const;

  /// Does what is due. To be called whenever poll() returns.
  void look();
  void answer();

  void log_status();
  void reloading() { manager_.reloading(clocks_.steady()); }
  void reloaded() { manager_.reloaded(); }
  /// The end has begun: clients are refused.
  void stopping();
  /// Removes the status socket.
  void remove() { socket_.remove(); }

 private:
  LiveStatus status_now() const;
  void judge(const Signs& signs, std::int64_t now_us);

  RecordQueue& queue_;
  StatusSocket& socket_;
  const StatusBoard& board_;
  Notifier manager_;
  std::string version_;
  Clocks clocks_;
  std::int64_t started_at_us_;
  std::int64_t next_look_at_us_ = 0;  // of the steady clock
  int answers_left_ = 0;              // until the next look
  core::Stuck stuck_;
  Fault sampler_fault_;
  Fault reclaimer_fault_;
  Fault recorder_fault_;
  bool has_given_back_ = false;
  std::int64_t history_healed_count_ = 0;
};

}  // namespace cgmm::daemon
