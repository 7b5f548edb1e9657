// SPDX-License-Identifier: Apache-2.0
#include "store/file/history_file.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include <system_error>

#include "store/file/open.hpp"
#include "store/file/salvage.hpp"
#include "store/file/trust.hpp"
#include "store/file/wal.hpp"
#include "store/refusal.hpp"
#include "store/statement.hpp"
#include "store/write/run_rows.hpp"

namespace cgmm::store {
namespace {

/// Empty: it is not about damage. What is no database, where a service has been at work, is one whose first page is
/// damaged.
std::string damage_told_by(const StoreError& error, bool is_ours) {
  if (error.kind() == StoreError::Kind::corrupt) return error.detail();
  return error.kind() == StoreError::Kind::no_database && is_ours ? "its first bytes are overwritten" : "";
}

}  // namespace

/// A history that is being made beside the one that it will replace.
std::filesystem::path HistoryFile::unfinished() const { return resolved(file_).string() + ".new"; }

void HistoryFile::take_lock() {
  expect_trusted(file_);
  if (lock_ && lock_->is_in_place()) return;
  lock_.reset();
  make_directory_for(file_);
  expect_trusted(file_);  // also the directory that is there now
  lock_.emplace(resolved(file_), file_);
}

/// The file is gone, or empty: because somebody has removed it, or because of a crash while it was replaced. The
/// unfinished one is complete once the old one has given way. A WAL that is there is that of the file that is gone.
void HistoryFile::finish_unfinished() {
  std::error_code error;
  const std::filesystem::path file = resolved(file_);
  const auto bytes = std::filesystem::file_size(file, error);
  if (error && error != std::errc::no_such_file_or_directory) return;  // opening it will say why
  const bool is_there = !error;
  if (is_there && bytes > 0) return;
  remove_wal(file);
  if (!saved_.empty()) what_was_done_ = "its file was removed or emptied; a new one is begun, " + saved_;
  if (!std::filesystem::exists(unfinished(), error)) return;
  try {
    open_for_writing(unfinished());  // moves its WAL into it
    // In this very moment somebody may put another file there: that is not to be overwritten.
    if (is_there) std::filesystem::remove(file, error);
    std::filesystem::create_hard_link(unfinished(), file, error);
    if (error && !std::filesystem::exists(file, error)) std::filesystem::rename(unfinished(), file, error);
  } catch (const StoreError& why) {
    if (why.lasts() == StoreError::Lasts::for_now) throw;
  } catch (const SQLite::Exception&) {
  }
}

core::Handover HistoryFile::begin(std::int64_t now_us, const std::string& detail,
                                  const std::function<void(History&)>& record_first) {
  history_.reset();
  take_lock();
  finish_unfinished();
  std::string damage = damage_;
  for (bool is_first = true;; is_first = false) {
    if (!damage.empty()) replace_damaged(damage, now_us);
    try {
      return open_and_begin(now_us, detail, record_first);
    } catch (const StoreError& error) {
      damage = is_first ? damage_told_by(error, /*is_ours=*/lock_->was_there() || was_open_) : "";
      if (!damage.empty()) continue;
      if (!was_open_ && error.lasts() == StoreError::Lasts::for_good) lock_->forget();
      throw;
    }
  }
}

/// The bounds come last: in a file that has reached a new one nothing could be begun.
core::Handover HistoryFile::open_and_begin(std::int64_t now_us, const std::string& detail,
                                           const std::function<void(History&)>& record_first) {
  try {
    return as_refusal(file_, [&] {
      history_.emplace(file_);
      was_open_ = true;
      core::Handover handover = history_->begin_run(now_us, detail, run_before_, record_first);
      if (retention_) history_->set_retention(*retention_);
      remove_database(unfinished());
      run_before_.reset();
      saved_.clear();
      return handover;
    });
  } catch (...) {
    history_.reset();
    throw;
  }
}

std::optional<core::Handover> HistoryFile::read_handover(std::int64_t now_us) const {
  try {
    const auto stamp = stamp_of(file_);
    if (!stamp || inspect(file_, Thoroughness::header) != Content::history) return core::Handover{};
    SQLite::Database database = open_for_reading(file_, *stamp);
    Statements sql(database);
    return store::read_handover(sql, now_us);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

/// The file is closed. The new one is made before the old one gives way, so that a crash in between loses nothing.
/// Where something is saved already, what is there now is somebody else's.
void HistoryFile::replace_damaged(const std::string& damage, std::int64_t now_us) {
  if (saved_.empty()) {
    remove_database(unfinished());
    std::optional<SQLite::Database> damaged;
    try {
      if (const auto stamp = stamp_of(file_); stamp && stamp->size_bytes > 0)
        damaged.emplace(open_for_reading(file_, *stamp));
    } catch (const SQLite::Exception&) {
    }
    if (damaged) saved_ = carry_over(*damaged, unfinished());
  }
  const auto aside = put_aside(resolved(file_), now_us, retention_ ? retention_->max_size_bytes : INT64_MAX);
  finish_unfinished();
  what_was_done_ = damage + "; it is kept as " + aside.string() + ", a new one is begun, " +
                   (saved_.empty() ? "nothing of it can be read" : saved_);
  damage_.clear();
}

std::string HistoryFile::damage() {
  history_->wal().note_file();
  try {
    if (stamp_of(file_)) inspect(file_, Thoroughness::whole_of_any_size);
    return "";
  } catch (const StoreError& error) {
    return damage_told_by(error, /*is_ours=*/true);
  }
}

void HistoryFile::leave(const std::string& damage) {
  as_refusal(file_, [&] {
    take_lock();
    run_before_ = {history_->reclaims_before(),
                   damage.empty() ? "its file was removed or replaced" : "it was damaged: " + damage};
    history_->has_its_file() ? leave_file_that_is_there(damage) : leave_file_that_is_gone();
    history_.reset();
  });
}

/// What is wrong is in the file, or beside it.
void HistoryFile::leave_file_that_is_there(const std::string& damage) {
  const std::filesystem::path file = resolved(file_);
  if (history_->wal().is_cut()) {
    // SQLite takes what is sound of the WAL when it has no index of it any more.
    history_->wal().leave_as_it_is();
    std::error_code ignored;
    std::filesystem::remove(file.string() + "-shm", ignored);
  } else if (!damage.empty()) {
    history_->wal().leave_as_it_is();
    damage_ = damage;
  } else if (!history_->wal().is_in_place()) {
    // Somebody reads what is only in there: it can be saved when they have done.
    if (!history_->wal().checkpoint_all())
      throw StoreError(StoreError::Kind::busy,
                       "its WAL was removed while somebody reads " + file.string() +
                           ": what is in it can be saved when they have done",
                       StoreError::Lasts::for_now);
    history_->wal().leave_as_it_is();
    remove_wal(file);
  }
}

/// What we hold is saved, unless there is another history now: that is what the operator wants. Our WAL would be taken
/// for its own.
void HistoryFile::leave_file_that_is_gone() {
  bool is_replaced = false;
  try {
    is_replaced = inspect(file_, Thoroughness::header) == Content::history;
  } catch (const StoreError&) {
  }
  if (is_replaced) {
    run_before_.reset();
  } else {
    saved_ = history_->carry_over_to(unfinished());
  }
  const bool is_our_wal = history_->wal().is_in_place();
  history_->wal().leave_as_it_is();
  if (is_our_wal) remove_wal(resolved(file_));
}

}  // namespace cgmm::store
