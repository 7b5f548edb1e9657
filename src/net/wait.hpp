// SPDX-License-Identifier: Apache-2.0
#pragma once

// Waiting for a descriptor, but not longer than there is time, and not when the program stops. Any thread.

#include <chrono>
#include <cstdint>

namespace cgmm::net {

/// When waiting ends although nothing came.
struct Patience {
  std::chrono::steady_clock::time_point end;
  int stop_fd = -1;  // readable: at once
};

enum class Woken : std::uint8_t { ready, timeout, stopped };

/// `events`: as poll() has them. fd -1: only to see whether the program stops. Throws std::system_error.
Woken wait_for(int fd, short events, const Patience& patience);

}  // namespace cgmm::net
