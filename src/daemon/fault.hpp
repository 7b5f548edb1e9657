// SPDX-License-Identifier: Apache-2.0
#pragma once

// A failure that lasts. It is told when it begins, gets worse, and ends, and not every time it is met: in the log, and
// by way of the queue in the history and the status. One thread an object.

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/recording/record_queue.hpp"

namespace cgmm::daemon {

class Fault {
 public:
  enum class Weight : std::uint8_t { warning, error };

  /// `name`: a word that schema/0004 lists; empty: it is told in the log only. `queue` is borrowed.
  Fault(std::string name, RecordQueue& queue, Weight weight = Weight::warning)
      : name_(std::move(name)), queue_(queue), weight_(weight) {}

  bool is_on() const { return began_at_us_.has_value(); }
  /// Wants is_on().
  std::int64_t began_at_us() const { return *began_at_us_; }

  // `at_us` is of the wall clock, `steady_us` of the steady one.

  /// It begins, or gets worse. `hint` is for the log only, when it begins.
  void begin(std::int64_t at_us, const std::string& detail, const std::string& hint = "");
  /// The same for one that is met again and again: the same words are told once, and other words after 5 seconds, then
  /// after 10, 20 and so on.
  void meet(std::int64_t at_us, std::int64_t steady_us, const std::string& detail, const std::string& hint = "");
  /// Nothing is told when it had not begun.
  void end(std::int64_t at_us, const std::string& detail);
  /// Begins or ends with what fails.
  void follow(std::int64_t at_us, bool fails, const std::string& begins, const std::string& ends);

  /// After a pass in which `count` things failed. It gets worse when twice as many fail, and ends after three passes
  /// without a failure: what comes and goes with every pass is one fault.
  void after_pass(std::int64_t at_us, std::int64_t count, const std::string& begins, const std::string& ends);

 private:
  void tell(std::int64_t at_us, const char* kind, const std::string& detail);

  std::string name_;
  RecordQueue& queue_;
  Weight weight_;
  std::optional<std::int64_t> began_at_us_;
  std::string met_;  // told last by meet()
  std::int64_t tell_again_at_us_ = 0;
  std::int64_t tell_again_after_us_ = 0;
  std::int64_t worst_count_ = 0;
  int clean_passes_ = 0;
};

}  // namespace cgmm::daemon
