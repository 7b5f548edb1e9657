// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/recorder.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
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

Recorder::Recorder(store::HistoryFile& file, RecordQueue& queue, ContainerNames names, ThisRun run)
    : names_found_(run.names_found), access_(file, queue, std::move(run)), queue_(queue), names_(std::move(names)) {}

void Recorder::run() {
  queue_.done({});  // it is at work from now on, for whoever asks
  if (!access_.is_open()) access_.start();
  for (bool has_freed_much = false;;) {
    if (has_freed_much) give_back_heap();
    const std::vector<Record> batch = queue_.take();
    if (batch.empty()) break;
    if (!record_until_stored(batch)) {
      spdlog::error("{} records could not be written before the stop and are lost: {}", batch.size() - stored_count_,
                    base::escape_for_terminal(access_.why()));
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
    maintain();
    if (!access_.is_sound()) return false;
  }
  stored_count_ = 0;
  access_.note_stored();
  name_containers(batch);
  maintain();
  return true;
}

/// False: the disk has refused it; stored_count_ tells how far it came.
bool Recorder::store_portion(std::span<const Record> portion) {
  try {
    store_with_room(portion);
    stored_count_ += portion.size();
    return true;
  } catch (const std::exception& error) {
    if (!store::is_bad_record(error)) {
      access_.note_refusal(error);
      return false;
    }
    if (portion.size() == 1) {
      spdlog::critical("a record can't be stored and is given up, please report this: {}",
                       base::escape_for_terminal(error.what()));
      ++stored_count_;
      return true;
    }
  }
  for (std::size_t i = 0; i < portion.size(); ++i) {  // to find out which one is bad
    if (!store_portion(portion.subspan(i, 1))) return false;
  }
  return true;
}

/// Once more after maintenance where it was full: max_size may be what it was too big for.
void Recorder::store_with_room(std::span<const Record> portion) {
  try {
    store(portion);
    return;
  } catch (const std::exception& error) {
    if (!store::is_full(error)) throw;
  }
  access_.history().maintain(wall_now_us());
  store(portion);
}

void Recorder::store(std::span<const Record> records) {
  store::History& history = access_.history();
  const std::int64_t lost_before = history.room().lost_scans;
  history.transact([&] {
    for (const Record& record : records) history.record(record);
  });
  const std::int64_t lost_scans = history.room().lost_scans - lost_before;
  lost_scans_ += lost_scans;
  log_commit(records, lost_scans);
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

void Recorder::change(const core::RetentionSettings& retention) {
  const base::Lock lock(mutex_);
  changed_ = retention;
}

void Recorder::take_over_change() {
  std::optional<core::RetentionSettings> changed;
  {
    const base::Lock lock(mutex_);
    changed = std::exchange(changed_, std::nullopt);
  }
  if (changed) access_.set_retention(*changed);
}

/// Some maintenance, and whether there is room.
void Recorder::maintain() {
  store::History& history = access_.history();
  const std::int64_t now_us = wall_now_us();
  std::string failure;
  try {
    take_over_change();
    history.maintain(now_us);
  } catch (const std::exception& error) {
    failure = store::in_words(error);
    if (store::is_damage(error)) access_.note_damage(failure);
  }
  size_.follow(now_us, !failure.empty(), "old records can't be deleted, the history may outgrow max_size: " + failure,
               "old records can be deleted again");
  max_size_.follow(now_us, steady_now_us(), history.take_losses());
  const store::History::Room room = history.room();
  reader_.follow(now_us, room.wal_is_held,
                 "somebody has been reading the database for long: its WAL has grown to " +
                     base::format_bytes(static_cast<std::uint64_t>(room.wal_bytes)) +
                     " and can't be moved into the file; near max_size scans will be lost",
                 "the database's WAL can be moved into the file again");
  if (room.is_losing || lost_scans_ == 0) return;
  const std::string lost =
      std::to_string(lost_scans_) + (lost_scans_ == 1 ? " scan was lost: " : " scans were lost: ") +
      "max_size left no room while the WAL could not be moved into the file, mostly because somebody reads for long";
  spdlog::warn("{}", lost);
  queue_.push(core::ServiceEvent{now_us, "gap", lost});
  lost_scans_ = 0;
}

void Recorder::name_containers(std::span<const Record> batch) {
  const std::vector<core::NamedCgroup> names = names_.look_up(batch, access_.history().take_appeared(), wall_now_us());
  if (auto news = names_.take_news(); !news.empty()) names_found_(std::move(news));
  if (names.empty()) return;
  queue_.names().learn(names);
  store::History& history = access_.history();
  try {
    history.transact([&] {
      for (const core::NamedCgroup& one : names) history.record(one);
    });
  } catch (const std::exception& error) {
    if (store::is_damage(error)) access_.note_damage(error.what());
    spdlog::warn("the names of {} containers could not be recorded: {}", names.size(),
                 base::escape_for_terminal(error.what()));
    names_.put_back(names);
  }
}

}  // namespace cgmm::daemon
