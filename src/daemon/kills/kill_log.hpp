// SPDX-License-Identifier: Apache-2.0
#pragma once

// Hands on every OOM kill that the kernel's log tells of, once, across restarts: where it has got to is recorded with
// each kill. It has a thread of its own, because a container's cgroup is often gone a moment after its kill, and so
// that a flooded log does not hold up the scans.

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "core/records.hpp"
#include "daemon/clock.hpp"
#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "kernel/hierarchy.hpp"
#include "kernel/kernel_log.hpp"
#include "kernel/oom_messages.hpp"

namespace cgmm::daemon {

class KillLog {
 public:
  /// `source`: "auto", "off" or a file. `read_before`: how far an earlier run has got; nullopt: there was none, and
  /// what the log has of the time before now is left alone. `hierarchy`: what is watched now, from any thread.
  KillLog(const std::string& source, std::optional<core::LogPosition> read_before,
          std::function<kernel::Hierarchy()> hierarchy, RecordQueue& queue, Clocks clocks = {});

  /// How far an earlier run has got, where it is known only after the start. Before run().
  void read_on_from(std::optional<core::LogPosition> read_before);

  /// Where kills are read from now, or why they are not; for people. From any thread.
  std::string source() const;

  /// Until stop(); returns at once where it is switched off. A log that can't be opened, or be read any more, is tried
  /// again every ten seconds.
  void run();
  /// From any thread.
  void stop();

  /// All that can be read now. For run() and tests. Throws std::system_error.
  void read_all();
  /// Nothing more has come for a moment.
  void settle();
  /// Looks for the log if there is none, and whether records are lost no more. For run() and tests.
  void tend();

 private:
  void open();
  void lose(const std::string& why);
  void follow_log();
  bool wait();
  void take(std::optional<core::LoggedKill> kill);
  core::OomKill located(core::LoggedKill kill) const;
  std::int64_t wall_of(std::int64_t logged_at_us) const;
  void note_overrun(std::uint64_t lost_count);
  bool is_stopped() const;
  void set_source(std::string source);

  std::optional<core::LogPosition> read_before_;
  std::function<kernel::Hierarchy()> hierarchy_;
  RecordQueue& queue_;
  Clocks clocks_;
  std::string setting_;  // empty: off
  mutable std::mutex source_mutex_;
  std::string source_;  // guarded by source_mutex_
  std::optional<kernel::KernelLog> log_;
  std::int64_t opened_at_us_ = 0;  // or tried to; of the steady clock
  kernel::OomParser parser_;
  core::LogPosition position_;  // of the last record read
  bool caught_up_ = false;      // with what was logged before the start
  bool is_live_ = false;        // and with what was logged before the log was opened
  bool is_anew_ = false;        // it was opened again: some of it is known
  int read_count_ = 0;          // records, by the last read_all()
  bool was_woken_ = false;      // by the log
  std::optional<std::int64_t>
      offset_us_;     // of the wall clock to the log's, as of the last record that came while we waited
  Fault unreadable_;  // both are the fault "kernel_log": it can be one or the other
  Fault flooded_;
  std::uint64_t lost_count_ = 0;  // records, since flooded_ began
  std::uint64_t told_lost_count_ = 0;
  std::int64_t lost_at_us_ = 0;  // the last of them, of the steady clock
  base::Fd stop_;
};

}  // namespace cgmm::daemon
