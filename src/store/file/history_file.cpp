// SPDX-License-Identifier: Apache-2.0
#include "store/file/history_file.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include <system_error>

#include "store/file/lock_holders.hpp"
#include "store/file/open.hpp"
#include "store/file/salvage.hpp"
#include "store/file/trust.hpp"
#include "store/file/wal.hpp"
#include "store/refusal.hpp"
#include "store/statement.hpp"
#include "store/write/run_rows.hpp"

namespace cgmm::store {
namespace {

struct Unfit {
  Aside aside = Aside::corrupt;
  std::string why;  // empty: the error is about something else
};

/// What is no database, where a service has been at work, is one whose first page is damaged.
Unfit unfit_by(const StoreError& error, bool is_ours, const std::filesystem::path& file) {
  using Kind = StoreError::Kind;
  if (error.kind() == Kind::corrupt) return {Aside::corrupt, "it was damaged: " + error.detail()};
  if (error.kind() == Kind::newer) return {Aside::newer, "it was written by a later version"};
  if (error.kind() != Kind::foreign && error.kind() != Kind::no_database) return {};
  if (is_ours && error.kind() == Kind::no_database)
    return {Aside::corrupt, "it was damaged: its first bytes are overwritten"};
  if (!is_ours && !may_be_renamed(file)) return {};
  if (error.kind() == Kind::foreign) return {Aside::foreign, "it is the database of another program"};
  return {Aside::foreign, "it is not a SQLite database"};
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
  if (!was_open_) take_up_newer(now_us);
  finish_unfinished();
  // To SQLite, a read that failed once (EIO) is damage, too: it is one if it is there the second time.
  const auto open_and_begin_twice = [&] {
    try {
      return open_and_begin(now_us, detail, record_first);
    } catch (const StoreError& error) {
      if (error.kind() != StoreError::Kind::corrupt) throw;
    }
    return open_and_begin(now_us, detail, record_first);
  };
  Unfit unfit{Aside::corrupt, damage_.empty() ? "" : "it was damaged: " + damage_};
  for (bool is_first = true;; is_first = false) {
    if (!unfit.why.empty()) replace(unfit.aside, unfit.why, now_us);
    try {
      return open_and_begin_twice();
    } catch (const StoreError& error) {
      unfit = is_first ? unfit_by(error, /*is_ours=*/lock_->was_there() || was_open_, file_) : Unfit{};
      if (!unfit.why.empty()) continue;
      if (!was_open_ && error.lasts() == StoreError::Lasts::for_good) lock_->forget();
      throw;
    }
  }
}

std::string HistoryFile::in_words(const std::exception& error) const {
  const std::string holders = is_locked(error) ? lock_holders(file_) : "";
  return store::in_words(error) + (holders.empty() ? "" : "; " + holders);
}

/// What was recorded in the meantime stays beside it, but for the cooldowns. Opening it before it is in its place looks
/// through it and moves its WAL into it.
void HistoryFile::take_up_newer(std::int64_t now_us) {
  const std::filesystem::path file = resolved(file_);
  for (const std::filesystem::path& newer : those_put_aside(file, Aside::newer)) {
    try {
      if (inspect(newer, Thoroughness::header) != Content::history) continue;
      inspect(file_, Thoroughness::header);
      open_for_writing(newer);
    } catch (const StoreError&) {
      continue;  // not known, or not to be used now
    } catch (const SQLite::Exception&) {
      continue;
    }
    if (const auto interim = read_handover(now_us)) interim_cooldowns_ = interim->cooldowns;
    what_was_done_ = newer.string() + " is taken up again";
    if (size_of(file) > 0) {
      const auto interim = put_aside(file, Aside::interim, now_us, max_bytes_aside());
      what_was_done_ += "; what was recorded in the meantime is kept as " + interim.string();
    }
    std::error_code error;
    std::filesystem::rename(newer, file, error);
    if (error) throw unusable(file_, newer.string() + " can't take its place", error.value());
    return;
  }
}

/// The bounds come last: in a file that has reached a new one nothing could be begun.
core::Handover HistoryFile::open_and_begin(std::int64_t now_us, const std::string& detail,
                                           const std::function<void(History&)>& record_first) {
  try {
    return as_refusal(file_, [&] {
      history_.emplace(file_);
      was_open_ = true;
      core::Handover handover = history_->begin_run(now_us, detail, run_before_, [&](History& history) {
        for (const auto& [id, cooldown] : interim_cooldowns_) history.record(core::CgroupCooldown{id, cooldown});
        if (record_first) record_first(history);
      });
      for (const auto& [id, cooldown] : interim_cooldowns_) handover.cooldowns.insert_or_assign(id, cooldown);
      interim_cooldowns_.clear();
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

std::int64_t HistoryFile::max_bytes_aside() const { return retention_ ? retention_->max_size_bytes : INT64_MAX; }

/// The file is closed. The new one is made before the old one gives way, so that a crash in between loses nothing.
/// Where something is saved already, what is there now is somebody else's.
void HistoryFile::replace(Aside why, const std::string& words, std::int64_t now_us) {
  if (saved_.empty() && why != Aside::foreign) {
    remove_database(unfinished());
    std::optional<SQLite::Database> old;
    try {
      if (const auto stamp = stamp_of(file_); stamp && stamp->size_bytes > 0)
        old.emplace(open_for_reading(file_, *stamp));
    } catch (const SQLite::Exception&) {
    }
    if (old) saved_ = carry_over(*old, unfinished());
    // The other one is taken up again some day, and both use the same row numbers until then.
    if (!saved_.empty() && why == Aside::newer) begin_under_another_id(unfinished());
  }
  const auto aside = put_aside(resolved(file_), why, now_us, max_bytes_aside());
  finish_unfinished();
  what_was_done_ = words + "; it is kept as " + aside.string() + ", a new one is begun, " +
                   (saved_.empty() ? "nothing of it can be read" : saved_);
  damage_.clear();
}

std::string HistoryFile::damage() {
  history_->wal().note_file();
  try {
    if (stamp_of(file_)) inspect(file_, Thoroughness::whole_of_any_size);
    return "";
  } catch (const StoreError& error) {
    using Kind = StoreError::Kind;
    if (error.kind() == Kind::corrupt) return error.detail();
    if (error.kind() == Kind::newer) return "the version in its header is overwritten";
    return error.kind() == Kind::no_database || error.kind() == Kind::foreign ? "its header is overwritten" : "";
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
