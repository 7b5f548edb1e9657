// SPDX-License-Identifier: Apache-2.0
#pragma once

// Waiting for something to become true, instead of sleeping and hoping.

#include <chrono>
#include <thread>

namespace cgmm::test {

/// Whether `condition()` became true before `deadline` had passed.
template <typename Condition>
bool eventually(Condition condition, std::chrono::milliseconds deadline = std::chrono::seconds{30}) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return true;
}

}  // namespace cgmm::test
