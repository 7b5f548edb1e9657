// SPDX-License-Identifier: Apache-2.0
#pragma once

// Opens the history, and tries again later where that fails; begins anew where its file is damaged, removed or
// replaced. The recorder's thread.

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "store/file/history_file.hpp"

namespace cgmm::daemon {

/// What has to be on record in every history that the service writes to, also in one that was put in place of its own.
class StandingRecords {
 public:
  /// Of earlier runs. What this run has recorded itself is newer.
  void note(const core::Handover& handover);
  /// Of a batch that is about to be recorded. Cooldowns that are over by `now_us` are forgotten.
  void note(std::span<const Record> records, std::int64_t now_us);

  /// Wants a transaction.
  void record_in(store::History& history, std::int64_t now_us) const;

 private:
  core::Cooldowns cooldowns_;
  core::NodeFacts node_facts_;
  core::LogPosition log_position_;
};

/// What a history is told of this run.
struct ThisRun {
  std::int64_t started_at_us = 0;
  std::string detail;
  /// Called once, on the recorder's thread, as soon as it is known what earlier runs have left.
  std::function<void(const core::Handover&)> hand_over = [](const auto&) {};
  /// Called once: the history has been opened, or that will be tried again.
  std::function<void()> started = [] {};
  /// Called after each scan on record, with what has been found out of names since.
  std::function<void(std::vector<core::NamesOf>)> names_found = [](auto) {};
};

class HistoryAccess {
 public:
  HistoryAccess(store::HistoryFile& file, RecordQueue& queue, ThisRun run);

  /// Opens it for the first time. Throws StoreError where it is refused for good; anything else may end by itself.
  void start();
  /// Whether there is one to write to; tries to get there, and less and less often: that costs more than a commit.
  bool make_ready();
  /// make_ready() tries at once: there will be no other try.
  void hurry() { try_again_at_us_ = 0; }

  /// Whether what is written now will be on record.
  bool is_sound() const { return file_.is_open() && damage_.empty() && file_.is_in_place(); }
  bool is_open() const { return file_.is_open(); }
  /// Wants is_open().
  store::History& history() { return file_.history(); }

  /// The bounds of this history and of those that may follow it.
  void set_retention(const core::RetentionSettings& retention) { file_.set_retention(retention); }

  /// Of a batch that is about to be recorded.
  void note(std::span<const Record> batch);
  /// What was refused, and whether that says that the file is damaged.
  void note_refusal(const std::exception& error);
  /// Of what SQLite calls damage, in its words. A read that failed once (EIO) is that to SQLite, too: it is damage if
  /// it is found again, or met again before anything is stored.
  void note_damage(const std::string& said);
  /// All that waited is on record: the fault ends, and what the queue has refused meanwhile is told.
  void note_stored();
  /// What was refused last.
  const std::string& why() const { return why_; }

 private:
  void open();
  void leave();
  void begin_fault(const std::string& why);
  void hand_over(const std::optional<core::Handover>& handover);
  void put_off(const std::exception& error);
  void check_for_damage();
  void look_at_pages(std::int64_t now_us);

  store::HistoryFile& file_;
  RecordQueue& queue_;
  ThisRun run_;
  Fault fault_;
  std::string why_;
  std::string what_was_done_;  // with the file, for the words of the fault's end
  StandingRecords standing_;
  std::string damage_;
  bool is_suspected_ = false;
  bool has_begun_;
  bool has_handed_over_ = false;
  std::int64_t try_again_at_us_ = 0;  // of the steady clock, like check_again_at_us_
  std::int64_t try_again_after_us_ = 0;
  std::int64_t check_again_at_us_ = 0;
  std::int64_t look_again_at_us_ = 0;
};

}  // namespace cgmm::daemon
