// SPDX-License-Identifier: Apache-2.0
#pragma once

// The history through a year: opened later when it can't be opened now, put aside when it is damaged, begun anew when
// somebody has removed it. What can be saved of the old one is carried over (store/salvage). Holds `<file>.lock` for as
// long as it lives, whatever becomes of the file. One thread at a time: main's until the recorder's takes over.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "core/keep.hpp"
#include "core/records.hpp"
#include "store/history.hpp"
#include "store/lock_file.hpp"

namespace cgmm::store {

class Keeper {
 public:
  explicit Keeper(std::filesystem::path file) : file_(std::move(file)) {}
  void keep(const core::Keep& keep) {
    keep_ = keep;
    if (history_) history_->keep(keep);
  }

  /// Opens the history, puts it aside first where it is damaged, and begins a run in it. What must survive is handed
  /// over. Throws StoreError: its lasts() says whether a later call may do. `started_at_us`: of the run, where that was
  /// earlier.
  core::Handover begin(std::int64_t now_us, const std::string& detail,
                       std::optional<std::int64_t> started_at_us = std::nullopt);
  /// What must survive, of a history that can be read though not written; as good as nothing where it can't.
  core::Handover peek(std::int64_t now_us) const;

  bool is_open() const { return history_.has_value(); }
  /// Wants is_open().
  History& history() { return *history_; }

  /// Whether what is written still goes to the file of that name. Wants is_open().
  bool is_in_place() const { return history_->is_in_place() && lock_ && lock_->is_in_place(); }

  /// What is wrong with the file as others see it, in words; empty: nothing. Reads all of it: seconds for a big one.
  std::string damage();

  /// After damage, or when it is not in place any more: closes what is open and goes on in a file of that name: one
  /// that was put there, or a new one with what could be saved. In words what became of it. Throws StoreError; where
  /// is_open() then says no, begin() is what is to be tried next. `is_last`: before the stop, when nothing can be
  /// waited for any more.
  std::string renew(bool damaged, std::int64_t now_us, const std::string& detail, bool is_last = false);

  /// What was put aside by the last begin(), in words; empty: nothing.
  const std::string& put_aside() const { return put_aside_; }

 private:
  void take_lock();
  void settle_unfinished();
  void open();
  core::Handover open_and_begin(std::int64_t started_at_us, const std::string& detail);
  std::string replace_damaged(std::int64_t now_us);
  std::string put_in_place(std::int64_t now_us, const std::string& words);
  void close(History::Leave how);
  void go_on();
  void finish();
  std::string save();
  StoreError log_is_read() const;
  std::string renew_after_log();
  std::string renew_without_log();
  std::string renew_with_another(std::int64_t now_us, const std::string& detail);
  std::filesystem::path unfinished() const;

  std::filesystem::path file_;
  std::optional<core::Keep> keep_;
  std::optional<LockFile> lock_;  // outlives the history
  std::optional<History> history_;
  // Of what renew() has closed and could not open again; which file it goes on in, and what that holds, in words.
  History::Run run_;
  std::optional<std::pair<dev_t, ino_t>> run_of_;
  std::string run_words_;
  bool has_begun_ = false;
  bool was_open_ = false;  // so that what is at the name is ours, or was put there since
  std::string put_aside_;
};

}  // namespace cgmm::store
