// SPDX-License-Identifier: Apache-2.0
#pragma once

// Says a repeated failure when it begins, when it gets worse (twice as bad), and when it ends, with a count, and not
// every time. It ends when it has stayed away for a few passes: one that comes and goes with every scan is one failure.
// One thread.

#include <cstdint>
#include <string>

namespace cgmm::daemon {

class FaultLog {
 public:
  /// What to say, if anything, after a pass in which `count` things failed, the first of them because of `first`.
  /// "" means: nothing new.
  struct Message {
    bool is_end = false;
    std::string text;
  };
  Message after_pass(std::int64_t count, const std::string& first, const std::string& noun) {
    if (count == 0) {
      if (passes_ == 0 || ++clean_passes_ < kCleanPasses) return {};
      Message message{.is_end = true, .text = noun + ": fine again, after " + std::to_string(passes_) + " scans"};
      passes_ = worst_ = 0;
      return message;
    }
    clean_passes_ = 0;
    ++passes_;
    if (worst_ > 0 && count < 2 * worst_) return {};
    worst_ = count;
    return {.is_end = false, .text = noun + ": " + std::to_string(count) + ", the first: " + first};
  }

 private:
  static constexpr std::int64_t kCleanPasses = 3;

  std::int64_t passes_ = 0;
  std::int64_t worst_ = 0;
  std::int64_t clean_passes_ = 0;
};

}  // namespace cgmm::daemon
