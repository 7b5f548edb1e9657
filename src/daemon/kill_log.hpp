// SPDX-License-Identifier: Apache-2.0
#pragma once

// Hands on every OOM kill that the kernel's log tells of, once, across restarts: where it has got to is recorded with each
// kill. It has a thread of its own, because a container's cgroup is often gone a moment after its kill, and so that a
// flooded log does not hold up the scans.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/records.hpp"
#include "daemon/clock.hpp"
#include "daemon/record_queue.hpp"
#include "kernel/hierarchy.hpp"
#include "kernel/kernel_log.hpp"
#include "kernel/oom_messages.hpp"

namespace cgmm::daemon {

class KillLog {
 public:
  /// `source`: "auto", "off" or a file. `read_before`: how far an earlier run has got; nullopt: there was none, and what the
  /// log has of the time before now is left alone. `hierarchy`: what is watched now, from any thread. A log that can't be
  /// opened is said to the log, once.
  KillLog(const std::string& source, std::optional<core::LogPosition> read_before,
          std::function<kernel::Hierarchy()> hierarchy, RecordQueue& queue, Clocks clocks = {});

  /// Where kills are read from, or why they are not; for people.
  const std::string& source() const { return source_; }

  /// Until stop(); returns at once where there is no log to read.
  void run();
  /// From any thread.
  void stop();

  /// All that can be read now. For run() and tests.
  void read_all();
  /// Nothing more has come for a moment.
  void settle();

 private:
  void open(const std::string& source);
  void take(std::optional<core::LoggedKill> kill);
  core::OomKill located(core::LoggedKill kill) const;
  std::int64_t wall_of(std::int64_t logged_at_us) const;
  void note_overrun(std::uint64_t lost_count);
  bool is_stopped() const;

  std::optional<core::LogPosition> read_before_;
  std::function<kernel::Hierarchy()> hierarchy_;
  RecordQueue& queue_;
  Clocks clocks_;
  std::string source_;
  std::optional<kernel::KernelLog> log_;
  kernel::OomParser parser_;
  core::LogPosition position_;          // of the last record read
  bool caught_up_ = false;              // with what was logged before the start
  std::optional<std::int64_t> offset_us_;  // of the wall clock to the log's, as of the last record that came while we waited
  std::uint64_t lost_count_ = 0;  // records, not told yet
  std::optional<std::int64_t> told_overrun_at_us_;
  kernel::Fd stop_;
};

}  // namespace cgmm::daemon
