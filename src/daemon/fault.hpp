// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tells of a fault where everybody looks: in the log, and in the history and the status by way of the queue. Whoever
// sees the fault has one of these and decides when it begins, gets worse and ends. One thread an object.

#include <cstdint>
#include <string>

#include "daemon/fault_log.hpp"
#include "daemon/recording/record_queue.hpp"

namespace cgmm::daemon {

class Fault {
 public:
  /// `name`: a word that schema/0004 lists. `queue` is borrowed.
  Fault(std::string name, RecordQueue& queue) : name_(std::move(name)), queue_(queue) {}

  bool is_on() const { return is_on_; }
  /// Or gets worse: then `detail` are the newer words.
  void begin(std::int64_t at_us, const std::string& detail);
  /// Nothing is said when it had not begun.
  void end(std::int64_t at_us, const std::string& detail);
  /// What a FaultLog has to say, if anything.
  void tell(std::int64_t at_us, const FaultLog::Message& message);

 private:
  std::string name_;
  RecordQueue& queue_;
  bool is_on_ = false;
};

}  // namespace cgmm::daemon
