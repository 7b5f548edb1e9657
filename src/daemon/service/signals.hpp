// SPDX-License-Identifier: Apache-2.0
#pragma once

// The signals that control the service (blocked in every thread; the main thread reads them), the one that ends a
// system call, and an event that poll() can wait for.

#include <signal.h>
#include <time.h>

#include <cstdint>
#include <optional>

#include "base/fd.hpp"

namespace cgmm::daemon {

/// Something that happens. Any thread.
class Event {
 public:
  /// Throws std::system_error.
  Event();

  void raise();
  /// Readable from then on, until it is taken.
  int fd() const { return fd_.get(); }
  /// Whether it has been raised since the last call.
  bool take();

 private:
  base::Fd fd_;
};

/// Sent to one thread, ends its system call that blocks. Its handler does nothing.
inline constexpr int kWakeSignal = SIGUSR2;

/// From now on SIGTERM, SIGINT, SIGHUP and SIGUSR1 wait until they are read; threads that are started later inherit it.
/// To be called before anything is opened, so that a signal at the start does not just kill the process.
void await_signals();

/// Readable when one of them has come. Throws std::system_error.
base::Fd open_signals();
/// The next one; nullopt: none has come.
std::optional<int> next_signal(const base::Fd& signals);

/// Ends a system call of this thread that blocks, after a time. The signal is repeated until the alarm is disarmed,
/// because one right before the call is lost.
class Alarm {
 public:
  /// For the calling thread. Throws std::system_error.
  Alarm();
  ~Alarm() { ::timer_delete(timer_); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// In so many microseconds; 0 disarms.
  void set(std::int64_t after_us);

 private:
  ::timer_t timer_{};
};

}  // namespace cgmm::daemon
