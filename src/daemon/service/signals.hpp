// SPDX-License-Identifier: Apache-2.0
#pragma once

// The signals that control the service. They are blocked in every thread; the main thread reads them from a descriptor.

#include <signal.h>

#include <optional>

#include "base/fd.hpp"

namespace cgmm::daemon {

/// Sent to one thread, ends its system call that blocks. Its handler does nothing.
inline constexpr int kWakeSignal = SIGUSR2;

/// From now on SIGTERM, SIGINT, SIGHUP and SIGUSR1 wait until they are read; threads that are started later inherit it.
/// To be called before anything is opened, so that a signal at the start does not just kill the process.
void await_signals();

/// Readable when one of them has come. Throws std::system_error.
base::Fd open_signals();
/// The next one; nullopt: none has come.
std::optional<int> next_signal(const base::Fd& signals);

}  // namespace cgmm::daemon
