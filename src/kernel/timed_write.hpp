// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes that a timer of this thread ends. memory.force_empty (v1) takes no amount, but a signal ends it (EINTR), and
// what it has freed so far stays free. So how long it lasts decides how much it frees.
//
// The timer's signal goes to this thread only, its handler only notes it, and it is never blocked here, so none is left
// behind. All other signals wait meanwhile: whoever wants to end the whole reclaim is not taken for the timer.

#include <signal.h>
#include <time.h>

#include <cstdint>
#include <string_view>
#include <system_error>

namespace cgmm::kernel {

/// The timer's signal. SIGUSR2 is the one that ends a whole reclaim (daemon/service/signals).
int tick_signal();

class TimedWrites {
 public:
  /// For the calling thread. Signals wait from now on, until the end of this object.
  TimedWrites();
  ~TimedWrites();
  TimedWrites(const TimedWrites&) = delete;
  TimedWrites& operator=(const TimedWrites&) = delete;

  /// Why there is no timer, so that write() can't be used; else no error.
  std::error_code error() const { return error_; }

  /// One write(), ended by the timer after `after_us` (EINTR) if it lasts so long. Returns the kernel's answer.
  std::error_code write(int fd, std::string_view text, std::int64_t after_us);

  /// Whether a signal waits that would have ended a system call of this thread before.
  bool is_interrupted() const;

 private:
  void set(std::int64_t after_us);

  ::timer_t timer_{};
  std::error_code error_;
  sigset_t before_{};  // the thread's mask
};

}  // namespace cgmm::kernel
