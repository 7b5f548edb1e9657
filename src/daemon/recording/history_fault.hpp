// SPDX-License-Identifier: Apache-2.0
#pragma once

// The fault "history": it can't be written. Told when it begins, when the reason is another one (less and less often),
// and when it ends, with what was lost meanwhile. The recorder's thread.

#include <cstdint>
#include <string>

#include "daemon/recording/record_queue.hpp"

namespace cgmm::daemon {

class HistoryFault {
 public:
  explicit HistoryFault(RecordQueue& queue) : queue_(queue) {}

  bool is_on() const { return began_at_us_ != 0; }
  const std::string& why() const { return why_; }
  void begin(const std::string& why);
  /// What had to be done with the file, for the words of the end.
  void note_done(const std::string& done) { done_ = done; }
  /// Also tells what the queue has refused where it had not begun.
  void end();

 private:
  RecordQueue& queue_;
  std::int64_t began_at_us_ = 0;  // 0: it is not on
  std::string why_;
  std::string told_why_;
  std::string done_;
  std::int64_t tell_again_at_us_ = 0;  // of the steady clock
  std::int64_t tell_again_after_us_ = 0;
};

}  // namespace cgmm::daemon
