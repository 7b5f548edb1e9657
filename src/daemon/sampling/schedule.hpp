// SPDX-License-Identifier: Apache-2.0
#pragma once

// When scans are due: a late scan does not shift the next, and missed scans are counted, never repeated. Pure
// arithmetic on a steady clock's microseconds.

#include <cstdint>

namespace cgmm::daemon {

class Schedule {
 public:
  /// The first scan is due at once.
  Schedule(std::int64_t now_us, std::int64_t interval_us) : due_us_(now_us), interval_us_(interval_us) {}

  std::int64_t due_us() const { return due_us_; }

  struct Start {
    std::int64_t late_us = 0;
    std::int64_t missed_count = 0;  // scans that were due meanwhile and won't be made
  };
  /// The scan that was due begins now; the next one is due at the next whole interval that is still ahead.
  Start begin(std::int64_t now_us) {
    Start start;
    if (now_us > due_us_) {
      start.late_us = now_us - due_us_;
      start.missed_count = start.late_us / interval_us_;
    }
    due_us_ += (start.missed_count + 1) * interval_us_;
    return start;
  }

  /// From the last scan on; one that is overdue by the new interval is due at once.
  void set_interval(std::int64_t now_us, std::int64_t interval_us) {
    due_us_ += interval_us - interval_us_;
    if (due_us_ < now_us) due_us_ = now_us;
    interval_us_ = interval_us;
  }

 private:
  std::int64_t due_us_;
  std::int64_t interval_us_;
};

}  // namespace cgmm::daemon
