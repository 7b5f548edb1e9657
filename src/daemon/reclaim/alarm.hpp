// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ends a blocked system call of this thread after a time, by a signal whose handler does nothing (await_signals()
// installs it): the call returns EINTR. The signal is repeated until the alarm is disarmed, because one that comes
// right before the call is lost.

#include <cstdint>
#include <ctime>

namespace cgmm::daemon {

class Alarm {
 public:
  /// For the calling thread. Throws std::system_error.
  explicit Alarm(int signal);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// In so many microseconds; 0 disarms.
  void set(std::int64_t after_us);

 private:
  ::timer_t timer_{};
};

}  // namespace cgmm::daemon
