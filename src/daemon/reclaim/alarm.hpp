// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ends a blocked system call of this thread after a time: a signal whose handler does nothing (await_signals()) makes
// it return EINTR. The signal is repeated until the alarm is disarmed, because one right before the call is lost.

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <system_error>

#include "base/time.hpp"

namespace cgmm::daemon {

class Alarm {
 public:
  /// For the calling thread. Throws std::system_error.
  explicit Alarm(int signal) {
    struct sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event._sigev_un._tid = ::gettid();  // glibc 2.36 has no other name for it
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0)
      throw std::system_error(errno, std::system_category(), "timer_create");
  }
  ~Alarm() { ::timer_delete(timer_); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// In so many microseconds; 0 disarms.
  void set(std::int64_t after_us) {
    constexpr long kRepeatEvery_ns = 50'000'000;
    struct itimerspec spec{};
    spec.it_value = {.tv_sec = after_us / base::kSecond_us, .tv_nsec = after_us % base::kSecond_us * 1000};
    spec.it_interval.tv_nsec = after_us > 0 ? kRepeatEvery_ns : 0;
    ::timer_settime(timer_, 0, &spec, nullptr);
  }

 private:
  ::timer_t timer_{};
};

}  // namespace cgmm::daemon
