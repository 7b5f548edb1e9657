// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the main thread does beside waiting for signals: it sees whether the other threads make progress, tells the
// service manager and whoever asks, and feeds the watchdog while the node is protected. It never waits and touches no
// disk but in open() and remove(): a hung disk must not look like a hung service. Main thread only. The same thread
// reloads the configuration, which does touch a disk: while that hangs, the watchdog is not fed.

#include <cstdint>
#include <string>

#include "core/progress.hpp"
#include "daemon/clock.hpp"
#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/service/live_status.hpp"
#include "daemon/service/manager.hpp"
#include "daemon/service/status_board.hpp"
#include "daemon/service/status_socket.hpp"

namespace cgmm::daemon {

class Supervisor {
 public:
  struct Parts {
    RecordQueue& queue;
    StatusSocket& socket;
    const StatusBoard& board;
  };
  Supervisor(Parts parts, std::string version, const Notifier::Environment& manager, Clocks clocks = {});

  /// Makes the status socket; where that can't be, it says so and there is none.
  void open();

  /// For poll(): whom to answer when it is readable, and how long to wait until the next look.
  int fd() const { return answers_left_ > 0 ? socket_.fd() : -1; }
  int ms_until_look() const;

  /// Does what is due. To be called whenever poll() returns.
  void look();
  void answer();

  void log_status();
  void reloading() { manager_.reloading(clocks_.steady()); }
  void reloaded() { manager_.reloaded(); }
  /// Tells that the end has begun; nobody is answered any more.
  void stopping();
  /// At the end, where the disk still answers.
  void remove() { socket_.remove(); }

 private:
  LiveStatus status_now() const;
  void judge(const Signs& signs, std::int64_t now_us);
  void tell(Fault& fault, bool is_stuck, const std::string& begins, const std::string& ends);
  void follow_history();
  void settle();

  RecordQueue& queue_;
  StatusSocket& socket_;
  const StatusBoard& board_;
  Manager manager_;
  std::string version_;
  Clocks clocks_;
  std::int64_t started_at_us_;
  std::int64_t next_look_at_us_ = 0;  // of the steady clock
  int answers_left_ = 0;              // until the next look
  core::Stuck stuck_;
  Fault sampler_fault_;
  Fault reclaimer_fault_;
  Fault recorder_fault_;
  bool is_settled_ = false;
  std::int64_t history_healed_count_ = 0;
};

}  // namespace cgmm::daemon
