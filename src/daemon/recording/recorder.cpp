// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/recorder.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>
#include <type_traits>
#include <utility>

#include "base/text.hpp"
#include "daemon/clock.hpp"
#include "daemon/resources.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::chrono::milliseconds kRetryEvery{1000};
constexpr std::size_t kManyRows = 2'000;      // their memory is given back until the next scan: half a MB
constexpr std::size_t kRowsAPortion = 5'000;  // some milliseconds, and a few hundred KiB of room

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

Recorder::Recorder(store::HistoryFile& file, RecordQueue& queue, kernel::ContainerLogs names, ThisRun run)
    : access_(file, queue, std::move(run)), queue_(queue), names_(std::move(names)), maintenance_(queue) {}

void Recorder::run() {
  queue_.done({});  // it is at work from now on, for whoever asks
  if (!access_.is_open()) access_.start();
  for (bool has_freed_much = false;;) {
    if (has_freed_much) give_back_heap();
    const std::vector<Record> batch = queue_.take();
    if (batch.empty()) break;
    if (!record_until_stored(batch)) {
      spdlog::error("{} records could not be written before the stop and are lost: {}", batch.size() - stored_count_,
                    base::escape_for_terminal(access_.fault().why()));
      stored_count_ = 0;
    }
    queue_.done(batch);
    has_freed_much = row_count(batch) >= kManyRows;
  }
  if (access_.is_open()) record_stop();
}

/// False: the service stops, and the last try was in vain.
bool Recorder::record_until_stored(const std::vector<Record>& batch) {
  do {
    if (record(batch)) return true;
  } while (queue_.wait_to_retry(kRetryEvery));
  access_.hurry();
  return record(batch);
}

void Recorder::record_stop() {
  if (!access_.is_sound()) {
    spdlog::error("the stop could not be recorded, and what is in the WAL may be lost: it was removed or replaced");
    return;
  }
  try {
    access_.history().end_run(wall_now_us(), "stopped");
  } catch (const std::exception& error) {
    spdlog::error("the stop could not be recorded: {}", base::escape_for_terminal(error.what()));
  }
}

bool Recorder::record(const std::vector<Record>& batch) {
  if (stored_count_ == 0) access_.note(batch);
  if (!access_.make_ready()) return false;
  while (stored_count_ < batch.size()) {
    const std::span<const Record> portion = next_portion(std::span(batch).subspan(stored_count_));
    if (!store_portion(portion)) return false;
    if (stored_count_ == batch.size()) break;
    access_.note_damage(maintenance_.work(access_.history()));
    if (!access_.is_sound()) return false;
  }
  stored_count_ = 0;
  access_.fault().end();
  name_containers(batch);
  access_.note_damage(maintenance_.work(access_.history()));
  return true;
}

/// False: the disk has refused it; stored_count_ tells how far it came.
bool Recorder::store_portion(std::span<const Record> portion) {
  try {
    if (!store_with_room(portion).empty()) return record_one_by_one(portion);
    stored_count_ += portion.size();
    return true;
  } catch (const std::exception& error) {
    access_.note_refusal(error);
    return false;
  }
}

/// Once more after maintenance where it was full: max_size may be what it was too big for.
template <class Act>
void Recorder::with_room(Act act) {
  store::History& history = access_.history();
  for (bool again = false;; again = true) {
    try {
      act();
      return;
    } catch (const std::exception& error) {
      history.rollback();
      if (again || !store::is_full(error)) throw;
    }
    history.maintain(wall_now_us());
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

void Recorder::store(std::span<const Record> records) {
  store::History& history = access_.history();
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
  maintenance_.note_lost_scans(room.lost_scans - lost_before);
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

void Recorder::name_containers(std::span<const Record> batch) {
  const std::vector<core::NamedCgroup> names = names_.look_up(batch, access_.history().take_appeared(), wall_now_us());
  if (names.empty()) return;
  store::History& history = access_.history();
  try {
    history.begin();
    for (const core::NamedCgroup& one : names) history.record(one);
    history.commit();
  } catch (const std::exception& error) {
    history.rollback();
    spdlog::warn("the names of {} containers could not be recorded: {}", names.size(),
                 base::escape_for_terminal(error.what()));
    names_.put_back(names);
  }
}

}  // namespace cgmm::daemon
