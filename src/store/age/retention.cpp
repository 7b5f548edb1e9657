// SPDX-License-Identifier: Apache-2.0
#include "store/age/retention.hpp"

#include <algorithm>
#include <string>

#include "base/time.hpp"

namespace cgmm::store {
namespace {

using base::kDay_us;
using base::kHour_us;

constexpr std::int64_t kScansStay_us =
    35 * kDay_us;  // a month's report has its coverage; they would be 0.3 GB in a year
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
    {Stage::What::samples, 6 * kHour_us}, {Stage::What::hours, 30 * kDay_us}, {Stage::What::events, 30 * kDay_us},
    {Stage::What::samples, kHour_us},     {Stage::What::hours, kDay_us},      {Stage::What::events, kDay_us},
    {Stage::What::incidents, kHour_us},   {Stage::What::hours, kHour_us},     {Stage::What::events, kHour_us},
    {Stage::What::samples, kNoAge},       {Stage::What::incidents, kNoAge},   {Stage::What::hours, kNoAge},
    {Stage::What::events, kNoAge},
};

}  // namespace

Retention::Retention(Statements& sql)
    : sql_(sql), roll_up_(sql), page_bytes_(sql.number("PRAGMA page_size").value_or(0)) {}

/// A file that is bigger stays as it is, for now.
void Retention::set_bounds(const core::RetentionSettings& bounds) {
  bounds_ = bounds;
  sql_.database().exec("PRAGMA max_page_count = " + std::to_string(file_share_bytes() / page_bytes_));
}

void Retention::undo() {
  roll_up_.undo();
  by_age_ = {};
  for_room_ = {};
}

std::int64_t Retention::pages_bytes(const char* pragma) { return sql_.number(pragma).value_or(0) * page_bytes_; }

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
  if (was_set_back) {
    // The + makes SQLite use the index of times, instead of reading all scans.
    const auto last_ahead = sql_.number("SELECT max(+scan_id) FROM scan WHERE started_at_us > ?", now_us + kAhead_us);
    set_back_scan_id_ = std::max(set_back_scan_id_, last_ahead.value_or(0));
  }
  if (!was_set_back && now_us - positions_set_back_at_us_ < kHour_us) return;
  positions_set_back_at_us_ = now_us;
  by_age_ = {};
  for_room_ = {};
}

/// False while there are old scans but none of about a day ago: the clock may have jumped only for a moment.
bool Retention::is_clock_believed(std::int64_t now_us) {
  const auto newest_us = sql_.number("SELECT max(started_at_us) FROM scan WHERE started_at_us < ?", now_us - kDay_us);
  return !newest_us || now_us - *newest_us < 2 * kDay_us + kHour_us;  // it may be a scan a day
}

bool Retention::drop_old(std::int64_t now_us) {
  if (!is_clock_believed(now_us)) return false;
  const std::int64_t events_before_us = now_us - bounds_.events_us;
  return drop_samples(sql_,
                      {.now_us = now_us,
                       .before_us = now_us - bounds_.samples_us,
                       .incidents_before_us = now_us - bounds_.incidents_us,
                       .to_scan_id = roll_up_.reaches_scan_id()},
                      by_age_.sampled_scan_id) ||
         drop_hours(sql_, now_us - bounds_.hours_us) || drop_events(sql_, events_before_us, by_age_) ||
         drop_cgroups(sql_, events_before_us) || drop_scans(sql_, now_us - kScansStay_us, by_age_);
}

bool Retention::make_room(std::int64_t now_us) {
  OldSamples samples{.now_us = now_us, .makes_room = true, .set_back_scan_id = set_back_scan_id_};
  for (const Stage& stage : kStages) {
    const std::int64_t before_us = stage.age_us == kNoAge ? INT64_MAX : now_us - stage.age_us;
    std::int64_t from_the_first = 0;
    bool dropped = false;
    switch (stage.what) {
      case Stage::What::samples:
        samples.before_us = before_us;
        samples.incidents_before_us = INT64_MIN;
        dropped = drop_samples(sql_, samples, for_room_.sampled_scan_id);
        break;
      case Stage::What::incidents:
        samples.before_us = before_us;
        samples.incidents_before_us = INT64_MAX;
        dropped = drop_samples(sql_, samples, from_the_first);
        break;
      case Stage::What::hours:
        dropped = drop_hours(sql_, before_us);
        break;
      case Stage::What::events:
        dropped = drop_events(sql_, before_us, for_room_) || drop_cgroups(sql_, before_us) ||
                  drop_scans(sql_, before_us, for_room_);
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
  sql_.database().exec("PRAGMA incremental_vacuum(" + std::to_string(kGivenBackAtOnceBytes / page_bytes_) + ")");
  if (is_too_big) set_bounds(bounds_);  // the bound could not be set below the file's size
  return true;
}

}  // namespace cgmm::store
