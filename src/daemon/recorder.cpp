// SPDX-License-Identifier: Apache-2.0
#include "daemon/recorder.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <type_traits>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "daemon/clock.hpp"
#include "daemon/resources.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::chrono::milliseconds kRetryEvery{1000};
constexpr std::int64_t kTryAgainFirst_us = 1'000'000;
constexpr std::int64_t kTryAgainLast_us = 10'000'000;
constexpr std::int64_t kTellAgainAfter_us = 5'000'000;  // and then less and less often
constexpr std::size_t kManyRows = 2'000;                // to be given back to the kernel until the next scan: half a MB
constexpr std::size_t kRowsAPortion = 5'000;            // some milliseconds, and a few hundred KiB of room
constexpr std::int64_t kCheckEvery_us = 30'000'000;
constexpr int kNameTries = 60;  // one with every scan
constexpr std::size_t kMaxNameless = 20'000;

/// At most kRowsAPortion, unless it is one scan. What follows a scan before the next one is one transaction with it:
/// the counters in it would hide the kills from the next run.
std::span<const Record> next_portion(std::span<const Record> records) {
  std::size_t rows = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto* const scan = std::get_if<core::Scan>(&records[i]);
    if (scan == nullptr) continue;
    rows += scan->rows.size();
    if (i > 0 && rows > kRowsAPortion) return records.first(i);
  }
  return records;
}

std::size_t row_count(std::span<const Record> records) {
  std::size_t rows = 0;
  for (const Record& record : records) {
    if (const auto* const scan = std::get_if<core::Scan>(&record)) rows += scan->rows.size();
  }
  return rows;
}

}  // namespace

Recorder::Recorder(store::Keeper& keeper, RecordQueue& queue, kernel::ContainerLogs names, ThisRun run)
    : keeper_(keeper), queue_(queue), names_(std::move(names)), run_(std::move(run)), has_begun_(keeper.is_open()) {}

/// What can never be right is the end of the service. Anything else may end by itself: the node is protected meanwhile.
void Recorder::start() {
  queue_.done({});  // it is at work from now on, for whoever asks
  try {
    open();
  } catch (const store::StoreError& error) {
    if (error.lasts() == store::StoreError::Lasts::for_good) throw;
    put_off(error);
  } catch (const std::exception& error) {
    put_off(error);
  }
  run_.started();
}

void Recorder::run() {
  if (!keeper_.is_open()) start();
  for (;;) {
    if (std::exchange(has_freed_much_, false)) give_back_heap();
    const std::vector<Record> batch = queue_.take();
    if (batch.empty()) break;
    has_freed_much_ = row_count(batch) >= kManyRows;
    bool recorded = record(batch);
    while (!recorded && queue_.wait_to_retry(kRetryEvery)) recorded = record(batch);
    if (!recorded) try_again_at_us_ = 0;  // the last try waits for nothing
    if (!recorded && !record(batch)) {
      spdlog::error("{} records could not be written before the stop and are lost: {}", batch.size() - stored_count_,
                    base::escape_for_terminal(fault_));
      stored_count_ = 0;
    }
    queue_.done(batch);
  }
  if (!keeper_.is_open()) return;
  if (!keeper_.is_in_place()) {
    spdlog::error(
        "the stop could not be recorded, and what is in the history's log (-wal) may be lost: it was removed or "
        "replaced");
    return;
  }
  try {
    keeper_.history().end_run(wall_now_us(), "stopped");
  } catch (const std::exception& error) {
    spdlog::error("the stop could not be recorded: {}", base::escape_for_terminal(error.what()));
  }
}

bool Recorder::record(const std::vector<Record>& batch) {
  if (stored_count_ == 0) standing_.note(batch, wall_now_us());
  if (!make_ready()) return false;
  while (stored_count_ < batch.size()) {
    const std::span<const Record> portion = next_portion(std::span(batch).subspan(stored_count_));
    if (!store_portion(portion)) return false;
    if (stored_count_ == batch.size()) break;
    tend();
    if (!damage_.empty() || !keeper_.is_in_place()) return false;
  }
  stored_count_ = 0;
  fault_ends();
  name_containers(batch);
  tend();
  return true;
}

/// False: the disk has refused it; stored_count_ tells how far it came.
bool Recorder::store_portion(std::span<const Record> portion) {
  try {
    if (!store_with_room(portion).empty()) return record_one_by_one(portion);
    stored_count_ += portion.size();
    return true;
  } catch (const std::exception& error) {
    const bool is_damage = store::is_damage(error);
    if (is_damage) damage_ = std::string("SQLite says: ") + error.what();
    fault_begins(is_damage ? "it is damaged: " + damage_ : error.what());
    return false;
  }
}

/// Once more after tidying where it was full: max_size may be what it was too big for.
template <class Act>
void Recorder::with_room(Act act) {
  for (bool again = false;; again = true) {
    try {
      act();
      return;
    } catch (const std::exception& error) {
      keeper_.history().rollback();
      if (again || !store::is_full(error)) throw;
    }
    keeper_.history().tidy(wall_now_us());
  }
}

/// In words why there is a bad record in it; empty: there is none.
std::string Recorder::store_with_room(std::span<const Record> portion) {
  try {
    with_room([&] { store(portion); });
    return "";
  } catch (const std::exception& error) {
    if (store::is_bad_record(error)) return error.what();
    throw;
  }
}

/// Somebody has written to the file: that may be a person's lawful change, or damage that our own cache of it hides.
void Recorder::check_for_damage() {
  const std::int64_t now_us = steady_now_us();
  if (!keeper_.history().was_written_by_others() || now_us < check_again_at_us_) return;
  check_again_at_us_ = now_us + kCheckEvery_us;
  damage_ = keeper_.damage();
}

/// Whether there is a history to write to. Leaving and opening one are tried less and less often: they cost more than a
/// commit.
bool Recorder::make_ready() {
  if (keeper_.is_open() && damage_.empty()) check_for_damage();
  if (keeper_.is_open() && damage_.empty() && keeper_.is_in_place()) return true;
  const std::int64_t now_us = steady_now_us();
  if (now_us < try_again_at_us_) return false;
  try {
    if (keeper_.is_open()) leave();
    open();
    try_again_after_us_ = 0;
    return true;
  } catch (const std::exception& error) {
    put_off(error);
    return false;
  }
}

void Recorder::put_off(const std::exception& refusal) {
  fault_begins(refusal.what());
  try_again_after_us_ = std::clamp<std::int64_t>(try_again_after_us_ * 2, kTryAgainFirst_us, kTryAgainLast_us);
  try_again_at_us_ = steady_now_us() + try_again_after_us_;
}

void Recorder::open() {
  const std::int64_t now_us = wall_now_us();
  try {
    const core::Handover handover =
        keeper_.begin(has_begun_ ? now_us : run_.started_at_us, run_.detail,
                      [&](store::History& history) { standing_.record_in(history, now_us); });
    has_begun_ = true;
    if (!handover.crash_found.empty()) spdlog::warn("{}", handover.crash_found);
    hand_over(handover);
  } catch (const store::StoreError& error) {
    if (!has_handed_over_ && error.lasts() == store::StoreError::Lasts::for_now)
      hand_over(keeper_.read_handover(now_us));
    throw;
  }
  what_was_done_ = keeper_.take_what_was_done();
  if (!what_was_done_.empty() && fault_began_at_us_ == 0) fault_begins("it was damaged: " + what_was_done_);
}

void Recorder::hand_over(const std::optional<core::Handover>& handover) {
  if (!handover || std::exchange(has_handed_over_, true)) return;
  standing_.note(*handover);
  const std::int64_t now_us = wall_now_us();
  const auto holding =
      std::ranges::count_if(handover->cooldowns, [&](const auto& entry) { return entry.second.until_us > now_us; });
  if (holding > 0) spdlog::info("cooldowns of earlier runs that still hold: {}", holding);
  run_.hand_over(*handover);
}

void Recorder::leave() {
  if (fault_began_at_us_ == 0)
    fault_begins(damage_.empty() ? "its file was removed, emptied or replaced" : "it is damaged: " + damage_);
  keeper_.leave(damage_);
  damage_.clear();
}

/// What the history needs beside what is recorded: to be tidied, and room.
void Recorder::tend() {
  const std::int64_t now_us = wall_now_us();
  const auto tell = [&](bool begins, bool& is_told, const char* fault, const std::string& detail) {
    if (begins == is_told) return;
    is_told = begins;
    spdlog::log(begins ? spdlog::level::warn : spdlog::level::info, "{}", base::escape_for_terminal(detail));
    queue_.push(core::ServiceEvent{now_us, begins ? "fault_begin" : "fault_end", detail, fault});
  };
  std::string untidy;
  try {
    keeper_.history().tidy(now_us);
  } catch (const std::exception& error) {
    untidy = error.what();
    if (store::is_damage(error)) damage_ = untidy;
  }
  tell(!untidy.empty(), tidy_fault_told_, "history_size",
       untidy.empty() ? "the history is tidied again"
                      : "the history can't be tidied, it may outgrow max_size: " + untidy);
  const store::History::Room room = keeper_.history().room();
  tell(room.log_is_held, reader_told_, "reader",
       room.log_is_held ? "somebody has been reading the database for long: its log has grown to " +
                              base::format_bytes(static_cast<std::uint64_t>(room.log_bytes)) +
                              " and can't be taken up; near max_size scans will be lost"
                        : "the database's log is taken up again");
  if (room.is_losing || lost_scans_ == 0) return;
  const std::string lost =
      std::to_string(lost_scans_) + (lost_scans_ == 1 ? " scan was lost: " : " scans were lost: ") +
      "max_size left no room while the log could not be taken up, mostly because somebody reads for long";
  spdlog::warn("{}", lost);
  queue_.push(core::ServiceEvent{now_us, "gap", lost});
  lost_scans_ = 0;
}

/// Those of the batch that are new, and those that had no name yet.
void Recorder::name_containers(const std::vector<Record>& batch) {
  const std::int64_t now_us = wall_now_us();
  std::vector<Record> found;
  // Whether all is known of it now.
  const auto is_named = [&](core::NamedCgroup& one) {
    const auto names = names_.names_of(one.container, now_us);
    if (!names) return false;
    if (*names != one.names) {
      one.names = *names;
      found.emplace_back(one);
    }
    return !names->container.empty();
  };
  const auto add = [&](const core::CgroupId& id, const core::ContainerIdentity& container) {
    if (container.container_id.empty()) return;
    core::NamedCgroup one{.id = id, .container = container, .names = {}};
    if (is_named(one) || names_.directory().empty() || nameless_.size() >= kMaxNameless) return;
    nameless_.push_back({std::move(one), kNameTries});
  };
  for (const core::CgroupRef& one : keeper_.history().take_appeared()) add(one->id, one->container());
  for (const Record& record : batch) {
    if (const auto* scan = std::get_if<core::Scan>(&record)) {
      if (!scan->is_partial)
        std::erase_if(nameless_, [&](Nameless& one) { return is_named(one.cgroup) || --one.tries_left <= 0; });
    } else if (const auto* kill = std::get_if<core::OomKill>(&record)) {
      add(kill->id, kill->container);
    }
  }
  if (!found.empty()) store_names(found);
}

void Recorder::store_names(const std::vector<Record>& names) {
  try {
    store(names);
  } catch (const std::exception& error) {
    keeper_.history().rollback();
    spdlog::warn("the names of {} containers could not be recorded: {}", names.size(),
                 base::escape_for_terminal(error.what()));
    for (const Record& record : names) {  // with the next scan
      nameless_.push_back({std::get<core::NamedCgroup>(record), kNameTries});
      nameless_.back().cgroup.names = {};
    }
  }
}

void Recorder::store(std::span<const Record> records) {
  store::History& history = keeper_.history();
  const std::int64_t lost_before = history.room().lost_scans;
  history.begin();
  for (const Record& record : records) {
    std::visit(
        [&history](const auto& one) {
          if constexpr (std::is_same_v<decltype(one), const core::MovedCooldown&>) {
            history.record(one.id, one.cooldown);
          } else {
            history.record(one);
          }
        },
        record);
  }
  history.commit();
  const store::History::Room room = history.room();
  lost_scans_ += room.lost_scans - lost_before;
  log_commit(records, room.lost_scans - lost_before);
}

/// After the commit: whoever reads this knows what is on record, whatever happens to the service from here on.
void Recorder::log_commit(std::span<const Record> records, std::int64_t lost_scans) {
  std::int64_t scan_count = 0;
  std::int64_t last_at_us = 0;
  for (const Record& record : records) {
    const auto* const scan = std::get_if<core::Scan>(&record);
    if (scan == nullptr) continue;
    ++scan_count;
    last_at_us = scan->started_at_us;
  }
  if (scan_count > 0)
    spdlog::debug("on record: {} scans up to {}, {} lost", scan_count - lost_scans, last_at_us, lost_scans);
}

/// To find out which one is bad.
bool Recorder::record_one_by_one(std::span<const Record> portion) {
  for (const Record& record : portion) {
    const std::string why = store_with_room({&record, 1});
    if (!why.empty()) {
      spdlog::critical("a record can't be stored and is given up, please report this: {}",
                       base::escape_for_terminal(why));
    }
    ++stored_count_;
  }
  return true;
}

void Recorder::fault_begins(const std::string& why) {
  fault_ = why;
  const std::int64_t now_us = steady_now_us();
  const bool is_new = fault_began_at_us_ == 0;
  if (!is_new && (why == fault_told_ || now_us < tell_fault_again_at_us_)) return;
  fault_told_ = why;
  tell_fault_again_after_us_ = is_new ? kTellAgainAfter_us : 2 * tell_fault_again_after_us_;
  tell_fault_again_at_us_ = now_us + tell_fault_again_after_us_;
  if (is_new) fault_began_at_us_ = wall_now_us();
  queue_.push(core::ServiceEvent{wall_now_us(), "fault_begin", "history can't be written: " + why, "history"});
  spdlog::error("the history can't be written: {}{}", base::escape_for_terminal(why),
                is_new ? "; scans wait in memory, reclaim goes on, trying again every few seconds" : "");
}

void Recorder::fault_ends() {
  const RecordQueue::Refused refused = queue_.take_refused();
  if (fault_began_at_us_ == 0 && refused.scans == 0 && refused.others == 0) return;
  const std::int64_t now_us = wall_now_us();
  const std::string lost =
      std::to_string(refused.scans) + " scans and " + std::to_string(refused.others) + " other records were lost";
  if (fault_began_at_us_ != 0) {
    spdlog::warn("the history can be written again after {}; {}", base::format_duration_us(now_us - fault_began_at_us_),
                 lost);
    const std::string done = std::exchange(what_was_done_, {});
    if (!done.empty()) spdlog::warn("the history: {}", base::escape_for_terminal(done));
    queue_.push(core::ServiceEvent{
        now_us, "fault_end", "history can be written again; " + lost + (done.empty() ? "" : "; " + done), "history"});
  }
  if (refused.scans > 0 || refused.others > 0) {
    queue_.push(core::ServiceEvent{now_us, "gap", lost + " while the history could not be written"});
  }
  fault_began_at_us_ = 0;
}

}  // namespace cgmm::daemon
