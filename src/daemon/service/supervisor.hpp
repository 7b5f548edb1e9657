// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the main thread does beside waiting for signals: it sees whether the other threads make progress, tells systemd
// and whoever asks, and feeds the watchdog while the node is protected. It never waits and, but for open() and
// remove(), never touches a disk: a hung one must not look like a hung service. open() is called at the start, and when
// a history that could not be written can be. The main thread only; that also does a reload, which reads the
// configuration and looks at the hierarchy: while either hangs, nobody is looked after and the watchdog is not fed.

#include <cstdint>
#include <functional>
#include <string>

#include "core/progress.hpp"
#include "daemon/clock.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/service/live_status.hpp"
#include "daemon/service/notify.hpp"
#include "daemon/service/status_socket.hpp"

namespace cgmm::daemon {

/// What the threads show of themselves, beside what passes through the queue.
struct Signs {
  std::int64_t sampler_at_us = 0;  // as core::LastSigns has them
  std::int64_t reclaimer_at_us = 0;
  std::int64_t asking_kernel_since_us = 0;  // of the steady clock; 0: it owes no answer
  std::int64_t in_cooldown_count = 0;
  std::int64_t reclaim_timeout_us = 0;
};

class Supervisor {
 public:
  struct Parts {
    RecordQueue& queue;
    StatusSocket& socket;
    const Notifier& notifier;
    std::function<Signs()> signs;
  };
  Supervisor(Parts parts, std::string version, Clocks clocks = {});

  /// Makes the status socket; where that can't be, it says so and there is none.
  void open();

  /// For poll(): whom to answer when it is readable, and how long to wait until the next look.
  int fd() const { return answers_left_ > 0 ? socket_.fd() : -1; }
  int ms_until_look() const;

  /// Does what is due. To be called whenever poll() returns.
  void look();
  void answer();

  void log_status();
  void reloading();
  void reloaded();
  /// Tells that the end has begun; nobody is answered any more.
  void stopping();
  /// At the end, where the disk still answers.
  void remove() { socket_.remove(); }

 private:
  LiveStatus status_now() const;
  void judge(const Signs& signs, std::int64_t now_us);
  void tell_fault(bool is_stuck, bool was_stuck, const std::string& fault, const std::string& begins,
                  const std::string& ends);
  void follow_history();
  void settle();
  bool tell(const std::string& words);
  void tell_ready();
  void tell_status();
  void feed_watchdog(std::int64_t now_us);

  RecordQueue& queue_;
  StatusSocket& socket_;
  const Notifier& notifier_;
  std::function<Signs()> signs_;
  std::string version_;
  Clocks clocks_;
  std::int64_t started_at_us_;
  std::int64_t next_look_at_us_ = 0;  // of the steady clock, like the next
  std::int64_t next_feed_at_us_ = 0;
  int answers_left_ = 0;  // until the next look
  core::Stuck stuck_;
  bool is_settled_ = false;
  bool ready_told_ = false;
  std::int64_t history_healed_count_ = 0;
  std::string status_told_;
  std::int64_t status_told_at_scan_ = -1;
  std::size_t faults_told_ = 0;
};

}  // namespace cgmm::daemon
