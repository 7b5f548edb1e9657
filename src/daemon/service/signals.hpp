// SPDX-License-Identifier: Apache-2.0
#pragma once

// The signals that the service is told things by. They are blocked in every thread, and the main thread reads them from
// a descriptor.

#include <signal.h>

#include <optional>

#include "base/fd.hpp"

namespace cgmm::daemon {

/// Sent to one thread, ends its system call that blocks. Its handler does nothing.
inline constexpr int kWakeSignal = SIGUSR2;

/// From now on SIGTERM, SIGINT, SIGHUP and SIGUSR1 wait until Signals fetches them; threads that are started later
/// inherit it. To be called before anything is opened, so that a signal at the start does not just kill the process.
void await_signals();

class Signals {
 public:
  /// Throws std::system_error.
  Signals();

  /// For poll().
  int fd() const { return fd_.get(); }
  /// The next one; nullopt: none has come.
  std::optional<int> next();

 private:
  base::Fd fd_;
};

}  // namespace cgmm::daemon
