// SPDX-License-Identifier: Apache-2.0
#include "store/keeper.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "store/open.hpp"
#include "store/refusal.hpp"
#include "store/salvage.hpp"

namespace cgmm::store {
namespace {

std::string damage_of(const StoreError& error) {
  return error.detail().empty() ? "its first bytes are overwritten" : error.detail();
}

/// nullopt: it is not about damage. What is no database, where a service has been at work, is one whose first page is
/// damaged.
std::optional<std::string> damage_told_by(const std::exception& error, bool is_ours) {
  if (is_damage(error)) return std::string("SQLite says: ") + error.what();
  const auto* const refused = dynamic_cast<const StoreError*>(&error);
  if (refused == nullptr) return std::nullopt;
  const bool says_so =
      refused->kind() == StoreError::Kind::corrupt || (refused->kind() == StoreError::Kind::no_database && is_ours);
  return says_so ? std::optional(damage_of(*refused)) : std::nullopt;
}

/// SQLite's refusals as ours.
template <class Act>
auto as_refusal(const std::filesystem::path& file, Act act) {
  try {
    return act();
  } catch (const SQLite::Exception& error) {
    throw refusal(file, error);
  }
}

/// Which file it is, whatever its name; nullopt: there is none.
std::optional<std::pair<dev_t, ino_t>> id_of(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return std::nullopt;
  return std::pair(status.st_dev, status.st_ino);
}

}  // namespace

/// A history that is being made beside the one that it will replace.
std::filesystem::path Keeper::unfinished() const { return resolved(file_).string() + ".new"; }

void Keeper::take_lock() {
  if (lock_ && lock_->is_in_place()) return;
  lock_.reset();
  make_directory_for(file_);
  lock_.emplace(resolved(file_), file_);
}

/// A crash while a history was replaced: before the old one gave way the new one is none yet, after that it is all
/// there is. What is left of the old one's log is not the new one's.
void Keeper::settle_unfinished() {
  std::error_code error;
  const std::filesystem::path file = resolved(file_);
  if (std::filesystem::exists(file, error) || error) return;
  remove_log(file);
  if (!std::filesystem::exists(unfinished(), error)) return;
  try {
    open_for_writing(unfinished());  // its own log is taken up
    std::filesystem::rename(unfinished(), file, error);
  } catch (const StoreError& why) {
    if (why.lasts() == StoreError::Lasts::for_now) throw;
  } catch (const SQLite::Exception&) {
  }
}

void Keeper::open() {
  history_.emplace(file_, *lock_);
  was_open_ = true;
  remove_database(unfinished());
}

core::Handover Keeper::begin(std::int64_t now_us, const std::string& detail,
                             std::optional<std::int64_t> started_at_us) {
  const bool is_first = !std::exchange(has_begun_, true);
  put_aside_.clear();
  history_.reset();
  take_lock();
  settle_unfinished();
  return as_refusal(file_, [&] {
    try {
      return open_and_begin(started_at_us.value_or(now_us), detail);
    } catch (const std::exception& error) {
      const auto damage = damage_told_by(error, /*is_ours=*/lock_->was_there() || was_open_);
      if (!damage) {
        const auto* const refused = dynamic_cast<const StoreError*>(&error);
        if (is_first && refused != nullptr && refused->lasts() == StoreError::Lasts::for_good) lock_->forget();
        throw;
      }
      put_aside_ = *damage + "; " + replace_damaged(now_us);
    }
    return open_and_begin(started_at_us.value_or(now_us), detail);
  });
}

/// Goes on with the run where that was closed in the middle of it. The bounds come last: in a file that has reached a
/// new one nothing could be begun.
core::Handover Keeper::open_and_begin(std::int64_t started_at_us, const std::string& detail) {
  try {
    open();
    core::Handover handover;
    if (run_ && id_of(resolved(file_)) == run_of_) {
      history_->go_on(run_);
    } else {
      handover = history_->begin_run(started_at_us, detail);
      history_->expect_announcement();
    }
    run_.reset();
    if (keep_) history_->keep(*keep_);
    return handover;
  } catch (...) {
    history_.reset();
    throw;
  }
}

core::Handover Keeper::peek(std::int64_t now_us) const {
  try {
    const auto stamp = stamp_of(file_);
    if (!stamp || inspect(file_, Thoroughness::header) != Content::history) return {};
    SQLite::Database database = open_for_reading(file_, *stamp);
    return read_handover(database, now_us);
  } catch (const std::exception&) {
    return {};
  }
}

/// The file is closed. The new one is made before the old one gives way, so that a crash in between loses nothing.
/// Where one has been made before, of what was there then, it is that one.
std::string Keeper::replace_damaged(std::int64_t now_us) {
  if (run_ && id_of(unfinished()) == run_of_) return put_in_place(now_us, run_words_);
  std::string words = "nothing of it can be read";
  remove_database(unfinished());
  const auto stamp = stamp_of(file_);
  std::optional<SQLite::Database> damaged;
  try {
    if (stamp && stamp->size_bytes > 0) damaged.emplace(open_for_reading(file_, *stamp));
  } catch (const SQLite::Exception&) {
  }
  if (damaged) words = carry_over(*damaged, unfinished());
  damaged.reset();
  return put_in_place(now_us, words);
}

/// Where there is no unfinished one, a new one is made when it is opened.
std::string Keeper::put_in_place(std::int64_t now_us, const std::string& words) {
  const auto aside = store::put_aside(resolved(file_), now_us, keep_ ? keep_->max_size_bytes : INT64_MAX);
  finish();
  return "it is kept as " + aside.string() + ", a new one is begun, " + words;
}

/// Keeps its other name until it is open: somebody may put another file in its place in this very moment.
void Keeper::finish() {
  std::error_code error;
  const std::filesystem::path file = resolved(file_);
  std::filesystem::create_hard_link(unfinished(), file, error);
  if (error && !std::filesystem::exists(file, error)) std::filesystem::rename(unfinished(), file, error);
}

std::string Keeper::damage() {
  history_->note_writing();
  try {
    if (stamp_of(file_)) inspect(file_, Thoroughness::whole_of_any_size);
  } catch (const StoreError& error) {
    if (error.kind() == StoreError::Kind::corrupt || error.kind() == StoreError::Kind::no_database)
      return damage_of(error);
  }
  return "";
}

std::string Keeper::renew(bool damaged, std::int64_t now_us, const std::string& detail, bool is_last) {
  return as_refusal(file_, [&]() -> std::string {
    take_lock();
    if (!damaged && history_->is_in_place()) return "its lock file was removed, and is there again";
    const auto there = stamp_of(file_);
    if (there && there->size_bytes > 0) {
      if (!history_->has_its_file()) return renew_with_another(now_us, detail);
      if (!history_->has_sound_log()) return renew_without_log();
      if (!damaged && history_->take_up_all()) return renew_after_log();
      if (!damaged && !is_last) throw log_is_read();
    }
    const std::string words = save();
    std::string became = "its file was removed; a new one is begun, " + words;
    if (there) {
      became = put_in_place(now_us, words);
    } else {
      remove_log(resolved(file_));
      finish();
    }
    go_on();
    return became;
  });
}

StoreError Keeper::log_is_read() const {
  return {StoreError::Kind::busy,
          "its log (-wal) was removed while somebody reads " + resolved(file_).string() +
              ": what is in it can be saved when they have done",
          StoreError::Lasts::for_now};
}

/// The log was removed, or another one put in its place, and all of it is in the file now.
std::string Keeper::renew_after_log() {
  close(History::Leave::in_order);
  remove_log(resolved(file_));
  go_on();
  return "its log (-wal) was removed; nothing is lost";
}

/// The log was emptied or overwritten: SQLite takes up what is sound of it when it has no index of it any more.
std::string Keeper::renew_without_log() {
  close(History::Leave::log_is_damaged);
  std::error_code ignored;
  std::filesystem::remove(resolved(file_).string() + "-shm", ignored);
  go_on();
  return "its log (-wal) was emptied or overwritten; what was recorded last is lost as far as it was in there";
}

/// Another file is there. What we hold is saved, unless that is a history too: then it is what the operator wants.
std::string Keeper::renew_with_another(std::int64_t now_us, const std::string& detail) {
  bool is_history = false;
  try {
    inspect(file_, Thoroughness::header);
    is_history = true;
  } catch (const StoreError&) {
  }
  // Our log would be taken for that of the file that is there now.
  const bool is_our_log = history_->has_its_log();
  if (is_history) {
    close(History::Leave::in_order);
    run_.reset();
  } else {
    save();
  }
  if (is_our_log) remove_log(resolved(file_));
  begin(now_us, detail);
  if (is_history && put_aside_.empty()) return "another history was put in its place, and is gone on with";
  return "another file was put in its place: " + put_aside_;
}

/// What is open as the unfinished one, to go on in.
std::string Keeper::save() {
  run_words_ = history_->carry_over_to(unfinished());
  close(History::Leave::damaged);
  run_of_ = id_of(unfinished());
  return run_words_;
}

void Keeper::close(History::Leave how) {
  run_of_ = id_of(resolved(file_));
  run_ = history_->leave(how);
  history_.reset();
}

void Keeper::go_on() {
  try {
    open();
    history_->go_on(run_);
    if (keep_) history_->keep(*keep_);
  } catch (...) {
    history_.reset();
    throw;
  }
  run_.reset();
}

}  // namespace cgmm::store
