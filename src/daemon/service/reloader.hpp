// SPDX-License-Identifier: Apache-2.0
#pragma once

// Takes up a changed configuration, on a thread of its own for as long as that takes: the file may be on a disk that
// hangs, and the main thread feeds the watchdog, answers `status` and waits for SIGTERM. Main thread only.

#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

#include "daemon/clock.hpp"
#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/service/signals.hpp"

namespace cgmm::daemon {

class Reloader {
 public:
  /// `reload` is called on that thread.
  Reloader(std::function<void()> reload, RecordQueue& queue, Clocks clocks = {})
      : reload_(std::move(reload)), clocks_(std::move(clocks)), fault_("configuration", queue, Fault::Weight::error) {}

  /// Begins; where one is under way, the next one follows it. Throws std::system_error when no thread can be started.
  void begin();

  /// For poll(): readable when it is over; and how long to wait until the next look.
  int fd() const { return over_.fd(); }
  int ms_until_look() const;
  /// To be called whenever poll() returns: whether it is over now, and nothing follows. One that lasts is told.
  bool look();

  /// For the end of the service: whether none is under way. A signal ends the system call that blocks it.
  bool interrupt(std::chrono::steady_clock::time_point give_up_at);

 private:
  bool is_under_way() const { return thread_.joinable(); }

  std::function<void()> reload_;
  Clocks clocks_;
  Fault fault_;
  Event over_;
  std::int64_t began_at_us_ = 0;  // of the steady clock
  bool again_ = false;
  std::jthread thread_;
};

}  // namespace cgmm::daemon
