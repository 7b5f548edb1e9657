// SPDX-License-Identifier: Apache-2.0
#include "store/age/maintenance.hpp"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "store/write/sample_rows.hpp"

namespace cgmm::store {
namespace {

using base::kDay_us;
using base::kHour_us;

constexpr std::int64_t kMiB = 1024 * 1024;

/// Of max_size, when a reader keeps the WAL from being moved into the file.
constexpr std::int64_t kLeastRoomBytes = 256 * 1024;
/// Slices after a batch: so many, and one for so many samples.
constexpr std::int64_t kSlicesAtOnce = 4;
constexpr std::int64_t kSamplesASlice = 500;
constexpr std::int64_t kSlicesToMakeRoom = 64;
/// A rest ends with as many samples as one slice drops, because a transaction costs much the same however much it does.
constexpr std::int64_t kRestSamples = 4000;
constexpr std::int64_t kRest_us = 5 * base::kMinute_us;

/// A month's report has its coverage. They would be 0.3 GB in a year.
constexpr std::int64_t kScansStay_us = 35 * kDay_us;
constexpr std::int64_t kGivenBackAtOnceBytes = kMiB / 4;

/// Of max_size for the WAL, which has all that is written while somebody reads for long: six hours of 200 cgroups every
/// 10 s. The rest is the file's.
constexpr std::int64_t kWalShare = 8;
constexpr std::int64_t kMostWalBytes = 64 * kMiB;
/// Of the file, for cgroups that lived for less than an hour.
constexpr std::int64_t kEarlyGoneShare = 8;
/// The reserve of the file for the next transactions.
constexpr std::int64_t kFreeShare = 32;

/// What is deleted when there is no room, step by step, down to an age: the oldest first; last what a weekly report and
/// an incident need most.
struct Stage {
  enum class What { crowd, crowd_reclaims, samples, hours, events, incidents } what;
  std::int64_t age_us;  // of a crowd: the part of the file that its rows may take, one in so many; 0: none
};
constexpr std::int64_t kNoAge = -1;  // everything, also rows that are ahead of the clock
constexpr Stage kStages[] = {
    {Stage::What::crowd_reclaims, 8},
    {Stage::What::samples, 6 * kHour_us},
    {Stage::What::crowd, 2},
    {Stage::What::hours, 30 * kDay_us},
    {Stage::What::events, 30 * kDay_us},
    {Stage::What::samples, kHour_us},
    {Stage::What::hours, kDay_us},
    {Stage::What::events, kDay_us},
    {Stage::What::crowd, 4},
    {Stage::What::incidents, kHour_us},
    {Stage::What::hours, kHour_us},
    {Stage::What::events, kHour_us},
    {Stage::What::crowd, 0},
    {Stage::What::samples, kNoAge},
    {Stage::What::incidents, kNoAge},
    {Stage::What::hours, kNoAge},
    {Stage::What::events, kNoAge},
};

}  // namespace

Maintenance::Maintenance(Statements& sql, Wal& wal, Changes& changes, Losses& losses)
    : sql_(sql),
      wal_(wal),
      changes_(changes),
      losses_(losses),
      roll_up_(sql),
      archiver_(sql),
      repeated_kills_(sql),
      crowd_(sql, losses),
      size_{.page_bytes = sql.number("PRAGMA page_size").value_or(0)} {}

void Maintenance::set_settings(const core::RetentionSettings& settings) {
  settings_ = settings;
  bound_file();
  note_commit();
  rest_.since_us.reset();
  wal_.set_max_size(settings.max_size_bytes);
}

/// A file that is bigger stays as it is, for now.
void Maintenance::bound_file() {
  sql_.database().exec("PRAGMA max_page_count = " + std::to_string(file_share_bytes() / size_.page_bytes));
}

std::int64_t Maintenance::slices_due() {
  if (!settings_) return 0;
  const std::int64_t sample_count = std::exchange(samples_since_work_, 0);
  rest_.sample_count += sample_count;
  return size_.was_over || crowd_.is_busy() ? kSlicesToMakeRoom : kSlicesAtOnce + sample_count / kSamplesASlice;
}

bool Maintenance::rests(std::int64_t now_us) const {
  if (!settings_) return true;
  if (!rest_.since_us || size_.was_over || wal_.is_held() || wal_.has_failed() || rest_.sample_count >= kRestSamples)
    return false;
  // An hour that is over is rolled up.
  return now_us >= *rest_.since_us && now_us - *rest_.since_us < kRest_us &&
         now_us / kHour_us == *rest_.since_us / kHour_us;
}

/// One slice of what is due first.
bool Maintenance::work(std::int64_t now_us) {
  follow_clock(now_us);
  const bool did_something = repeated_kills_.work(now_us) || drop_early_gone(now_us) ||
                             (is_over_size() && make_room(now_us)) || roll_up_.work(now_us) || drop_old(now_us) ||
                             archive(now_us) || give_back_pages();
  rest_.since_us = did_something ? std::nullopt : std::optional(now_us);
  rest_.sample_count = 0;
  return did_something;
}

bool Maintenance::has_room(std::int64_t bytes) {
  if (!settings_ || !wal_.is_held()) return true;
  // Pages given back leave the file when the WAL is moved into it.
  return std::max(file_bytes(), wal_.file_bytes()) + wal_.bytes() + bytes <= settings_->max_size_bytes;
}

void Maintenance::require_room() {
  if (!settings_ || !wal_.is_held()) return;
  wal_.checkpoint();
  if (has_room(kLeastRoomBytes)) return;
  wal_.require_checkpoint();
  throw SQLite::Exception("its WAL has reached max_size, because somebody has been reading the database for long",
                          SQLITE_FULL);
}

bool Maintenance::has_room_for(std::size_t sample_count) {
  const auto count = static_cast<std::int64_t>(sample_count);
  if (settings_ && !has_room(count * kSampleBytes + settings_->max_size_bytes / 32)) return false;
  samples_since_work_ += count;
  size_.reserved_bytes = samples_since_work_ * kSampleBytes;
  return true;
}

std::int64_t Maintenance::room_for_scan_bytes() {
  if (!settings_) return INT64_MAX;
  const std::int64_t share_bytes = file_share_bytes();
  return share_bytes - share_bytes / kFreeShare - (file_bytes() - free_bytes());
}

void Maintenance::undo() {
  rest_.since_us.reset();
  samples_since_work_ = 0;
  roll_up_.undo();
  archiver_.undo();
  repeated_kills_.undo();
  crowd_.undo();
  by_age_ = {};
  for_room_ = {};
}

std::int64_t Maintenance::pages_bytes(const char* pragma) { return sql_.number(pragma).value_or(0) * size_.page_bytes; }

std::int64_t Maintenance::file_share_bytes() const {
  return settings_->max_size_bytes - std::min(settings_->max_size_bytes / kWalShare, kMostWalBytes);
}

bool Maintenance::is_over_size() {
  const std::int64_t share_bytes = file_share_bytes();
  return file_bytes() - free_bytes() > share_bytes - std::clamp(size_.reserved_bytes + share_bytes / kFreeShare,
                                                                share_bytes / kFreeShare * 2, share_bytes / 2);
}

void Maintenance::follow_clock(std::int64_t now_us) {
  const bool was_set_back = now_us < clock_.worked_at_us;  // or may have been, before the start
  clock_.worked_at_us = now_us;
  if (was_set_back) {
    // The + makes SQLite use the index of times, instead of reading all scans.
    const auto last_ahead = sql_.number("SELECT max(+scan_id) FROM scan WHERE started_at_us > ?", now_us + kAhead_us);
    clock_.set_back_scan_id = std::max(clock_.set_back_scan_id, last_ahead.value_or(0));
  }
  if (!was_set_back && now_us - clock_.positions_set_back_at_us < kHour_us) return;
  clock_.positions_set_back_at_us = now_us;
  by_age_ = {};
  for_room_ = {};
}

/// False while there are old scans but none of about a day ago: the clock may have jumped only for a moment.
bool Maintenance::is_clock_believed(std::int64_t now_us) {
  const auto newest_us = sql_.number("SELECT max(started_at_us) FROM scan WHERE started_at_us < ?", now_us - kDay_us);
  return !newest_us || now_us - *newest_us < 2 * kDay_us + kHour_us;  // it may be a scan a day
}

bool Maintenance::drop_old(std::int64_t now_us) {
  if (!is_clock_believed(now_us)) return false;
  const std::int64_t events_before_us = now_us - settings_->events_us;
  const OldSamples samples{.now_us = now_us,
                           .before_us = now_us - settings_->samples_us,
                           .incidents_before_us = now_us - settings_->incidents_us,
                           .to_scan_id = roll_up_.reaches_scan_id()};
  std::int64_t dropped_count = 0;
  return drop_chunks(sql_, samples, by_age_.chunks, dropped_count) ||
         drop_samples(sql_, samples, by_age_.rows.sampled_scan_id) || drop_hours(sql_, now_us - settings_->hours_us) ||
         drop_events(sql_, changes_, events_before_us, by_age_.rows) || drop_cgroups(sql_, events_before_us) ||
         drop_scans(sql_, now_us - kScansStay_us, by_age_.rows);
}

bool Maintenance::archive(std::int64_t now_us) {
  if (!settings_ || !settings_->archive) return false;
  return archiver_.work(now_us, now_us - settings_->archive_after_us, roll_up_.reaches_scan_id(),
                        file_share_bytes() - (file_bytes() - free_bytes()));
}

/// Earlier than anything else, so that there is room for others.
bool Maintenance::drop_early_gone(std::int64_t now_us) {
  if (!settings_) return false;
  const std::int64_t share_bytes = file_share_bytes();
  if (file_bytes() - free_bytes() <= share_bytes - share_bytes / 4) return false;
  return crowd_.drop_early_gone(now_us, share_bytes / kEarlyGoneShare);
}

bool Maintenance::make_room(std::int64_t now_us) {
  const std::int64_t share_bytes = file_share_bytes();
  for (const auto& [what, age_us] : kStages) {
    if (what == Stage::What::crowd_reclaims) {
      if (crowd_.drop_reclaims(now_us, share_bytes / age_us)) return true;
      continue;
    }
    if (what == Stage::What::crowd) {
      if (crowd_.drop_samples(now_us, age_us == 0 ? 0 : share_bytes / age_us)) return true;
      continue;
    }
    const std::int64_t before_us = age_us == kNoAge ? INT64_MAX : now_us - age_us;
    const bool is_incidents = what == Stage::What::incidents;
    std::int64_t from_the_first = 0, archived_count = 0;
    const std::int64_t changes_before = sql_.database().getTotalChanges();
    bool dropped = false;
    if (what == Stage::What::hours) {
      dropped = drop_hours(sql_, before_us);
    } else if (what == Stage::What::events) {
      dropped = drop_events(sql_, changes_, before_us, for_room_.rows) || drop_cgroups(sql_, before_us) ||
                drop_scans(sql_, before_us, for_room_.rows);
    } else {
      const OldSamples samples{.now_us = now_us,
                               .before_us = before_us,
                               .incidents_before_us = is_incidents ? INT64_MAX : INT64_MIN,
                               .makes_room = true,
                               .set_back_scan_id = clock_.set_back_scan_id};
      ChunkPosition first_chunk;
      dropped = drop_chunks(sql_, samples, is_incidents ? first_chunk : for_room_.chunks, archived_count) ||
                drop_samples(sql_, samples, is_incidents ? from_the_first : for_room_.rows.sampled_scan_id);
    }
    if (!dropped) continue;
    // Of the last hour of everybody.
    if (age_us == kNoAge) {
      const std::int64_t count =
          archived_count > 0 ? archived_count : sql_.database().getTotalChanges() - changes_before;
      (what == Stage::What::samples || is_incidents ? losses_[""].samples : losses_[""].events) += count;
    }
    return true;
  }
  return false;
}

/// Pages that will be used again soon stay in the file.
bool Maintenance::give_back_pages() {
  const std::int64_t file = file_bytes();
  const std::int64_t free = free_bytes();
  const bool is_too_big = file > file_share_bytes() && free > 0;
  if (!is_too_big && free <= std::max(4 * kMiB, file / 8)) return false;
  sql_.database().exec("PRAGMA incremental_vacuum(" + std::to_string(kGivenBackAtOnceBytes / size_.page_bytes) + ")");
  if (is_too_big) bound_file();  // the bound could not be set below the file's size
  return true;
}

}  // namespace cgmm::store
