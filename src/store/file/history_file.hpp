// SPDX-License-Identifier: Apache-2.0
#pragma once

// The history through a year. It is opened later when it can't be opened now, put aside when it is damaged, and begun
// anew when somebody has removed or replaced its file; what can be read of the old one is carried over
// (store/file/salvage). Holds `<file>.lock` for as long as it lives, whatever becomes of the file. One thread at a
// time.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/records.hpp"
#include "store/file/lock_file.hpp"
#include "store/file/salvage.hpp"
#include "store/history.hpp"

namespace cgmm::store {

class HistoryFile {
 public:
  explicit HistoryFile(std::filesystem::path file) : file_(std::move(file)) {}
  void set_retention(const core::RetentionSettings& retention) {
    retention_ = retention;
    if (history_) history_->set_retention(retention);
  }

  /// Opens the history and begins a run in it. What can't be gone on with is put aside before: one that is damaged or
  /// of a later version, and what is none. One of a later version that was put aside is taken up again where this
  /// version knows it. Returns what must survive.
  /// `record_first` is called in the transaction that begins the run: for what has to be on record in every history.
  /// Throws StoreError: its lasts() says whether a later call may do.
  core::Handover begin(std::int64_t now_us, const std::string& detail,
                       const std::function<void(History&)>& record_first = {});
  /// What must survive, of a history that can be read though not written; nullopt where it can't.
  std::optional<core::Handover> read_handover(std::int64_t now_us) const;

  bool is_open() const { return history_.has_value(); }
  /// Wants is_open().
  History& history() { return *history_; }

  /// Whether what is written still goes to the file of that name. Wants is_open().
  bool is_in_place() const { return history_->is_in_place() && lock_ && lock_->is_in_place(); }

  /// What is wrong with the file as others see it, in words; empty: nothing. Reads all of it: seconds for a big one.
  /// Wants is_open().
  std::string damage();

  /// Ends the run and closes the history, because it is damaged (in words; empty: it is not) or not in place any more.
  /// begin() is next, and carries over what was held here. Wants is_open(). Where it throws StoreError, the history
  /// stays open, for another try.
  void leave(const std::string& damage);

  /// What was refused, in words; where a lock is the reason, with who holds it.
  std::string in_words(const std::exception& error) const;

  /// What begin() had to do since the last call, in words; empty: nothing.
  std::string take_what_was_done() { return std::exchange(what_was_done_, {}); }

 private:
  void take_lock();
  void finish_unfinished();
  core::Handover open_and_begin(std::int64_t now_us, const std::string& detail,
                                const std::function<void(History&)>& record_first);
  void take_up_newer(std::int64_t now_us);
  void replace(Aside why, const std::string& words, std::int64_t now_us);
  void leave_file_that_is_there(const std::string& damage);
  void leave_file_that_is_gone();
  std::filesystem::path unfinished() const;
  std::int64_t max_bytes_aside() const;

  std::filesystem::path file_;
  std::optional<core::RetentionSettings> retention_;
  std::optional<LockFile> lock_;  // outlives the history
  std::optional<History> history_;
  bool was_open_ = false;  // a service has been at work on the file: this one
  // Of the run that leave() has ended.
  std::optional<RunBefore> run_before_;
  std::string damage_;  // known before the file is opened again
  std::string saved_;   // what unfinished() holds of it, in words; empty: nothing was saved
  std::string what_was_done_;
  core::Cooldowns interim_cooldowns_;  // of the one that gave way to one of a later version
};

}  // namespace cgmm::store
