// SPDX-License-Identifier: Apache-2.0
#pragma once

// Hands on every OOM kill that the kernel log tells of, once, across restarts: how far it has been read is recorded
// with each kill. It has a thread of its own, because a container's cgroup is often gone a moment after its kill, and
// so that a flooded log does not hold up the scans.

#include <cstdint>
#include <optional>
#include <string>

#include "core/records.hpp"
#include "daemon/clock.hpp"
#include "daemon/fault.hpp"
#include "daemon/kills/flood.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/service/event.hpp"
#include "daemon/service/status_board.hpp"
#include "kernel/kernel_log.hpp"
#include "kernel/oom_messages.hpp"

namespace cgmm::daemon {

class KillLog {
 public:
  /// `setting`: "auto", "off" and perhaps why, or a file. `read_before`: how far an earlier run has read; nullopt:
  /// there was none, and what was logged before now is left alone. `queue` and `board` are borrowed.
  KillLog(std::string setting, std::optional<core::LogPosition> read_before, RecordQueue& queue, StatusBoard& board,
          Clocks clocks = {});
  KillLog(const KillLog&) = delete;
  KillLog& operator=(const KillLog&) = delete;

  /// How far an earlier run has read, where it is known only after the start. Before run().
  void read_on_from(std::optional<core::LogPosition> read_before);

  /// From any thread.
  const std::string& setting() const { return setting_; }

  /// Until stop(); returns at once where it is switched off. A log that can't be opened or read any more is tried again
  /// every ten seconds.
  void run();
  /// From any thread.
  void stop() { stop_.raise(); }

  /// Reads all that there is now. For run() and tests. Throws std::system_error.
  void read_all();
  /// Nothing more has come for a moment: what is pending is handed on.
  void flush();
  /// Looks for the log if there is none, and whether records are still being lost. For run() and tests.
  void tend();

 private:
  /// What belongs to the log that is open, and goes with it.
  struct OpenLog {
    kernel::KernelLog log;
    kernel::OomParser parser;
    bool is_live = false;  // all that was logged before it was opened has been read
    /// Of the wall clock to the log's, as of the last record that came while we waited.
    std::optional<std::int64_t> offset_us;
  };

  bool is_off() const { return setting_.starts_with("off"); }
  void open();
  void lose(const std::string& why);
  void follow_log();
  bool wait();
  void take(std::optional<core::LoggedKill> kill);
  std::int64_t wall_of(std::int64_t logged_at_us) const;
  bool is_stopped() const;

  const std::string setting_;
  std::optional<core::LogPosition> read_before_;
  RecordQueue& queue_;
  StatusBoard& board_;
  Clocks clocks_;
  std::optional<OpenLog> open_;
  std::int64_t opened_at_us_ = 0;  // or tried to; of the steady clock
  core::LogPosition position_;     // of the last record read
  bool has_caught_up_ = false;     // with what was logged before the start
  bool is_reopened_ = false;       // some of it has been read before
  int read_count_ = 0;             // records, by the last read_all()
  bool was_woken_ = false;         // by the log
  Fault unreadable_;               // it and flood_ are the fault "kernel_log", which can be one or the other
  Flood flood_;
  Event stop_;
};

}  // namespace cgmm::daemon
