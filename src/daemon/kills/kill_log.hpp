// SPDX-License-Identifier: Apache-2.0
#pragma once

// Hands on every OOM kill that the kernel log tells of, once, also across restarts. On a thread of its own: a
// container's cgroup is often gone a moment after its kill, and a flooded log must not delay the scans.

#include <cstdint>
#include <optional>
#include <string>

#include "core/records.hpp"
#include "daemon/clock.hpp"
#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/service/signals.hpp"
#include "daemon/service/status_board.hpp"
#include "kernel/kernel_log.hpp"
#include "kernel/oom_messages.hpp"
#include "kernel/process_places.hpp"

namespace cgmm::daemon {

/// The fault that the kernel log is written faster than it is read, so that records are lost. It ends after a minute
/// without a loss. `queue` and `clocks` are borrowed.
class Flood {
 public:
  Flood(RecordQueue& queue, const Clocks& clocks) : fault_("kernel_log", queue), clocks_(clocks) {}

  bool is_on() const { return fault_.is_on(); }
  /// So many records were overwritten before they were read; 0: it is not known how many.
  void lost(std::uint64_t count);
  /// Ends it when a minute has passed.
  void tend();
  /// The log is not read any more.
  void end() { fault_.end(clocks_.wall(), "the kernel log is not read any more"); }

 private:
  Fault fault_;
  const Clocks& clocks_;
  std::uint64_t lost_count_ = 0;  // since it began
  std::uint64_t told_lost_count_ = 0;
  std::int64_t lost_at_us_ = 0;  // the last of them, of the steady clock
};

class KillLog {
 public:
  /// `setting`: "auto", "off" and perhaps why, or a file. `queue` and `board` are borrowed.
  KillLog(std::string setting, RecordQueue& queue, StatusBoard& board, Clocks clocks = {});
  KillLog(const KillLog&) = delete;
  KillLog& operator=(const KillLog&) = delete;

  /// How far an earlier run has read; nullopt: what was logged before now is left alone. Before run().
  void read_on_from(std::optional<core::LogPosition> read_before);

  /// From any thread.
  const std::string& setting() const { return setting_; }

  /// Until stop(); returns at once where it is switched off. A log that can't be opened or read any more is tried again
  /// every ten seconds.
  void run();
  /// From any thread.
  void stop() { stop_.raise(); }

  /// Reads what there is now, a portion at most. Returns how many records. For run() and tests. Throws
  /// std::system_error.
  int read_all();
  /// Nothing more has come for a moment: what is pending is handed on.
  void flush();
  /// Looks for the log if there is none, and whether records are still being lost. For run() and tests.
  void tend();
  /// A flooded log is read in portions, because being woken for every record costs more; and a device that is not the
  /// kernel log wakes for nothing.
  static bool is_pause_due(bool was_woken, int read_count);

 private:
  /// What belongs to the log that is open, and goes with it.
  struct OpenLog {
    kernel::KernelLog log;
    kernel::OomParser parser;
    bool is_live = false;  // all that was logged before it was opened has been read
    /// Reads what was logged since it was opened, until then.
    std::optional<kernel::KernelLog> end;
    std::optional<std::uint64_t> first_new;  // its first record
    /// Of the wall clock to the log's: of the record that was read soonest after it was written, of those that came
    /// while we waited. Anew when the wall clock was set.
    std::optional<std::int64_t> offset_us;
    std::int64_t offset_at_us = 0;            // of the steady clock
    std::int64_t wall_to_steady_us = 0;       // the wall clock less the steady one at that time
    std::optional<std::int64_t> begun_at_us;  // when a kill was read that has not ended yet; of the steady clock

    bool is_new(std::uint64_t sequence);
    void note_begun(const Clocks& clocks);
    void follow_clocks(const Clocks& clocks, std::int64_t record_at_us);
  };

  bool is_off() const { return setting_.starts_with("off"); }
  void open();
  void lose(const std::string& why);
  int follow_log();
  bool wait(int read_count);
  void note_victim();
  void take(std::optional<core::LoggedKill> kill);
  std::int64_t wall_of(std::int64_t logged_at_us) const;
  bool is_stopped(int wait_ms = 0) const;

  const std::string setting_;
  std::optional<core::LogPosition> read_before_;
  RecordQueue& queue_;
  StatusBoard& board_;
  Clocks clocks_;
  std::optional<OpenLog> open_;
  std::int64_t opened_at_us_ = 0;  // or tried to; of the steady clock
  core::LogPosition position_;     // of the last record read
  bool has_caught_up_ = false;     // with what was logged before the start
  Fault unreadable_;               // it and flood_ are the fault "kernel_log", which can be one or the other
  Flood flood_;
  kernel::ProcessPlaces processes_;
  core::OomKill victim_;    // of the pending kill, as it was found when its line came
  bool was_woken_ = false;  // by the log, and not by the time
  Event stop_;
};

}  // namespace cgmm::daemon
