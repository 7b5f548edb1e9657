// SPDX-License-Identifier: Apache-2.0
#pragma once

// Waiting that a signal ends. SIGINT and SIGTERM become an exception in whoever waits, so that destructors remove the
// cgroups, the files and the processes that a benchmark has made. One thread.

#include <cstdint>
#include <exception>

namespace cgmm::bench {

class Stopped : public std::exception {
 public:
  const char* what() const noexcept override { return "stopped by a signal; everything that was made is removed"; }
};

/// From now on the two signals are noted.
void note_signals();
/// In a forked child: they end it, and so does the end of its parent.
void forget_signals();

/// Throws Stopped where a signal has come.
void check_stop();
/// Of the steady clock (daemon/clock.hpp). Throws Stopped.
void wait_until(std::int64_t at_us);
void wait_for(std::int64_t us);

}  // namespace cgmm::bench
