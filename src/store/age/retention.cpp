// SPDX-License-Identifier: Apache-2.0
#include "store/age/retention.hpp"

#include <algorithm>
#include <string>

#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kHourUs = 3600LL * 1'000'000;
constexpr std::int64_t kDayUs = 24 * kHourUs;
constexpr std::int64_t kScansStayUs = 35 * kDayUs;  // a month's report has its coverage; they would be 0.3 GB in a year
constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kGivenBackAtOnceBytes = kMiB / 4;

/// Of max_size for the WAL, which has all that is written while somebody reads for long. The rest is the file's.
constexpr std::int64_t kWalShare = 8;
/// The reserve of the file for the next transactions.
constexpr std::int64_t kFreeShare = 32;

/// What is deleted when there is no room, step by step, down to an age: the oldest first; last what a weekly report and
/// an incident need most.
struct Stage {
  enum class What { samples, hours, events, incidents } what;
  std::int64_t age_us;
};
constexpr std::int64_t kNoAge = -1;  // everything, also rows that are ahead of the clock
constexpr Stage kStages[] = {
    {Stage::What::samples, 6 * kHourUs}, {Stage::What::hours, 30 * kDayUs}, {Stage::What::events, 30 * kDayUs},
    {Stage::What::samples, kHourUs},     {Stage::What::hours, kDayUs},      {Stage::What::events, kDayUs},
    {Stage::What::incidents, kHourUs},   {Stage::What::hours, kHourUs},     {Stage::What::events, kHourUs},
    {Stage::What::samples, kNoAge},      {Stage::What::incidents, kNoAge},  {Stage::What::hours, kNoAge},
    {Stage::What::events, kNoAge},
};

}  // namespace

Retention::Retention(SQLite::Database& database)
    : database_(database),
      roll_up_(database),
      samples_(database),
      rows_(database),
      page_bytes_(database.execAndGet("PRAGMA page_size").getInt64()),
      newest_scan_before_(database, "SELECT max(started_at_us) FROM scan WHERE started_at_us < ?") {}

/// A file that is bigger stays as it is, for now.
void Retention::set_bounds(const core::RetentionSettings& bounds) {
  bounds_ = bounds;
  database_.exec("PRAGMA max_page_count = " + std::to_string(file_share_bytes() / page_bytes_));
}

void Retention::undo() {
  roll_up_.undo();
  by_age_ = {};
  for_room_ = {};
}

std::int64_t Retention::file_bytes() { return database_.execAndGet("PRAGMA page_count").getInt64() * page_bytes_; }

std::int64_t Retention::free_bytes() { return database_.execAndGet("PRAGMA freelist_count").getInt64() * page_bytes_; }

std::int64_t Retention::file_share_bytes() const { return bounds_.max_size_bytes - bounds_.max_size_bytes / kWalShare; }

bool Retention::is_over_size() {
  const std::int64_t share_bytes = file_share_bytes();
  return file_bytes() - free_bytes() >
         share_bytes - std::clamp(reserved_bytes_, share_bytes / kFreeShare, share_bytes / 2);
}

bool Retention::work(std::int64_t now_us) {
  follow_clock(now_us);
  if (is_over_size() && make_room(now_us)) return true;
  return roll_up_.work(now_us) || drop_old(now_us) || give_back_pages();
}

void Retention::follow_clock(std::int64_t now_us) {
  const bool was_set_back = now_us < worked_at_us_;  // or may have been, before the start
  worked_at_us_ = now_us;
  if (was_set_back) samples_.note_clock_set_back(now_us);
  if (!was_set_back && now_us - positions_set_back_at_us_ < kHourUs) return;
  positions_set_back_at_us_ = now_us;
  by_age_ = {};
  for_room_ = {};
}

/// False while there are old scans but none of about a day ago: the clock may have jumped only for a moment.
bool Retention::is_clock_believed(std::int64_t now_us) {
  Use newest(newest_scan_before_, now_us - kDayUs);
  newest.step();
  const auto at_us = newest.amount(0);
  return !at_us || now_us - static_cast<std::int64_t>(*at_us) < 2 * kDayUs + kHourUs;  // it may be a scan a day
}

bool Retention::drop_old(std::int64_t now_us) {
  if (!is_clock_believed(now_us)) return false;
  const std::int64_t events_before_us = now_us - bounds_.events_us;
  return samples_.drop({.before_us = now_us - bounds_.samples_us,
                        .incidents_before_us = now_us - bounds_.incidents_us,
                        .to_scan_id = roll_up_.reaches_scan_id()},
                       by_age_.sampled_scan_id, now_us) ||
         rows_.drop_hours(now_us - bounds_.hours_us) || rows_.drop_events(events_before_us, by_age_.rows) ||
         rows_.drop_cgroups(events_before_us) || rows_.drop_scans(now_us - kScansStayUs, by_age_.rows);
}

bool Retention::make_room(std::int64_t now_us) {
  const auto drop_samples = [&](std::int64_t before_us, std::int64_t incidents_before_us, std::int64_t& after_scan_id) {
    return samples_.drop({.before_us = before_us,
                          .incidents_before_us = incidents_before_us,
                          .to_scan_id = INT64_MAX,
                          .makes_room = true},
                         after_scan_id, now_us);
  };
  for (const Stage& stage : kStages) {
    const std::int64_t before_us = stage.age_us == kNoAge ? INT64_MAX : now_us - stage.age_us;
    std::int64_t from_the_first = 0;
    bool dropped = false;
    switch (stage.what) {
      case Stage::What::samples:
        dropped = drop_samples(before_us, INT64_MIN, for_room_.sampled_scan_id);
        break;
      case Stage::What::incidents:
        dropped = drop_samples(before_us, INT64_MAX, from_the_first);
        break;
      case Stage::What::hours:
        dropped = rows_.drop_hours(before_us);
        break;
      case Stage::What::events:
        dropped = rows_.drop_events(before_us, for_room_.rows) || rows_.drop_cgroups(before_us) ||
                  rows_.drop_scans(before_us, for_room_.rows);
        break;
    }
    if (dropped) return true;
  }
  return false;
}

/// Pages that will be used again soon stay in the file.
bool Retention::give_back_pages() {
  const std::int64_t file = file_bytes();
  const std::int64_t free = free_bytes();
  const bool is_too_big = file > file_share_bytes() && free > 0;
  if (!is_too_big && free <= std::max(4 * kMiB, file / 8)) return false;
  database_.exec("PRAGMA incremental_vacuum(" + std::to_string(kGivenBackAtOnceBytes / page_bytes_) + ")");
  if (is_too_big) set_bounds(bounds_);  // the bound could not be set below the file's size
  return true;
}

}  // namespace cgmm::store
