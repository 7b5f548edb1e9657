// SPDX-License-Identifier: Apache-2.0
#include "store/retention.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kHourUs = 3600 * kSecondUs;
constexpr std::int64_t kDayUs = 24 * kHourUs;
constexpr std::int64_t kSamplesDroppedAtOnce = 4000;  // some milliseconds
constexpr int kScansLookedAtOnce = 100;               // more than are dropped, for those around an OOM kill stay
constexpr std::int64_t kScansKeptUs = 35 * kDayUs;  // a month's report has its coverage; they would be 0.3 GB in a year
constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kGivenBackAtOnceBytes = kMiB / 4;
constexpr int kPassEnd = 4;

/// Of max_size for the log, which has all that is written while somebody reads for long. The rest is the file's.
constexpr std::int64_t kLogShare = 8;
/// Of the file, kept free for the next transactions.
constexpr std::int64_t kFreeShare = 32;

/// Of scans. An instant that is further ahead was written before the clock was set back.
constexpr std::int64_t kAheadUs = kHourUs;

/// What goes when there is no room, one after the other, down to an age: the oldest first, and what a weekly review and
/// the look at an incident need most last.
struct Stage {
  enum class What { samples, hours, events, incidents } what;
  std::int64_t age_us;
};
constexpr std::int64_t kNoAge = -1;  // everything, also what is ahead of the clock
constexpr Stage kStages[] = {
    {Stage::What::samples, 6 * kHourUs}, {Stage::What::hours, 30 * kDayUs}, {Stage::What::events, 30 * kDayUs},
    {Stage::What::samples, kHourUs},     {Stage::What::hours, kDayUs},      {Stage::What::events, kDayUs},
    {Stage::What::incidents, kHourUs},   {Stage::What::hours, kHourUs},     {Stage::What::events, kHourUs},
    {Stage::What::samples, kNoAge},      {Stage::What::incidents, kNoAge},  {Stage::What::hours, kNoAge},
    {Stage::What::events, kNoAge},
};

/// "DELETE ... WHERE key IN (the first 300 of `table` that are older than ?1)".
std::string delete_oldest(const std::string& from, const std::string& key, const std::string& table,
                          const std::string& instant) {
  return "DELETE FROM " + from + " WHERE " + key + " IN (SELECT " + key + " FROM " + table + " WHERE " + instant +
         " < ?1 ORDER BY " + instant + ", " + key + " LIMIT 300)";
}

}  // namespace

Retention::Retention(SQLite::Database& database)
    : database_(database),
      roll_up_(database),
      page_bytes_(database.execAndGet("PRAGMA page_size").getInt64()),
      // The scan's row may be lost. The times are how long before and after an OOM kill samples stay; the last column
      // is until when.
      next_sampled_scan_(
          database,
          "SELECT sampled.scan_id, started_at_us, is_partial IS 1, "
          "  (SELECT max(killed_at_us) + 300000000 FROM oom_kill WHERE keeps_samples = 1 AND killed_at_us "
          "  BETWEEN max(started_at_us - 300000000, ?2) AND started_at_us + 1800000000) "
          "FROM (SELECT scan_id FROM sample WHERE scan_id > ?1 ORDER BY scan_id LIMIT 1) sampled "
          "LEFT JOIN scan ON scan.scan_id = sampled.scan_id"),
      first_not_between_(
          database,
          "SELECT coalesce((SELECT scan_id FROM scan WHERE scan_id > ?1 AND NOT started_at_us BETWEEN ?2 AND ?3 "
          "ORDER BY scan_id LIMIT 1), (SELECT max(scan_id) + 1 FROM scan))"),
      last_scan_(database, "SELECT coalesce(max(scan_id), 0) FROM scan"),
      // By the index of instants: the + keeps it from walking all scans.
      last_scan_after_(database, "SELECT coalesce(max(+scan_id), 0) FROM scan WHERE started_at_us > ?"),
      newest_scan_before_(database, "SELECT max(started_at_us) FROM scan WHERE started_at_us < ?"),
      last_of_slice_(database, "SELECT cgroup_id FROM sample WHERE scan_id = ? ORDER BY cgroup_id LIMIT 1 OFFSET " +
                                   std::to_string(kSamplesDroppedAtOnce - 1)),
      drop_samples_(database, "DELETE FROM sample WHERE scan_id = ?1 AND cgroup_id <= ?2"),
      // Never the last: its id would be given away again.
      drop_partial_scan_(database, "DELETE FROM scan WHERE scan_id = ? AND scan_id <> (SELECT max(scan_id) FROM scan)"),
      scans_from_(database,
                  "SELECT max(started_at_us) FROM (SELECT started_at_us FROM scan WHERE started_at_us > ?1 AND "
                  "started_at_us < ?2 "
                  "ORDER BY started_at_us LIMIT 500)"),
      drop_scans_(database,
                  "DELETE FROM scan WHERE started_at_us > ?1 AND started_at_us <= ?2 "
                  "AND scan_id <> (SELECT max(scan_id) FROM scan) "
                  "AND NOT EXISTS (SELECT 1 FROM sample WHERE sample.scan_id = scan.scan_id)"),
      drop_hours_(
          database,
          "DELETE FROM sample_hour WHERE (hour_at_us, cgroup_id) IN (SELECT hour_at_us, cgroup_id FROM sample_hour "
          "WHERE hour_at_us < ?1 ORDER BY hour_at_us, cgroup_id LIMIT 1000)"),
      drop_effects_(database, delete_oldest("reclaim_effect", "reclaim_id", "reclaim", "started_at_us")),
      drop_reclaims_(database, delete_oldest("reclaim", "reclaim_id", "reclaim", "started_at_us")),
      drop_kills_(database, delete_oldest("oom_kill", "oom_kill_id", "oom_kill", "killed_at_us")),
      // Of the starts the last one stays.
      drop_service_events_(
          database,
          "WITH slice AS MATERIALIZED (SELECT service_event_id, kind FROM service_event WHERE at_us < ?1 "
          "ORDER BY at_us, service_event_id LIMIT 300) "
          "DELETE FROM service_event WHERE service_event_id IN (SELECT service_event_id FROM slice) "
          "AND service_event_id IS NOT (SELECT max(service_event_id) FROM slice WHERE kind = 'start')"),
      limits_from_(database,
                   "SELECT changed_at_us, cgroup_id FROM (SELECT changed_at_us, cgroup_id FROM cgroup_limit "
                   "WHERE (changed_at_us, cgroup_id) > (?1, ?2) AND changed_at_us < ?3 "
                   "ORDER BY changed_at_us, cgroup_id LIMIT 500) "
                   "ORDER BY changed_at_us DESC, cgroup_id DESC LIMIT 1"),
      // Not the one that still held at ?5.
      drop_limits_(
          database,
          "DELETE FROM cgroup_limit WHERE (changed_at_us, cgroup_id) > (?1, ?2) "
          "AND (changed_at_us, cgroup_id) <= (?3, ?4) AND EXISTS (SELECT 1 FROM cgroup_limit later "
          "WHERE later.cgroup_id = cgroup_limit.cgroup_id AND later.changed_at_us > cgroup_limit.changed_at_us "
          "AND later.changed_at_us < ?5)"),
      cooldowns_from_(database,
                      "SELECT max(cgroup_id) FROM (SELECT cgroup_id FROM cooldown WHERE cgroup_id > ? "
                      "ORDER BY cgroup_id LIMIT 500)"),
      drop_cooldowns_(database,
                      "DELETE FROM cooldown WHERE cgroup_id > ?1 AND cgroup_id <= ?2 AND until_us < ?3 AND EXISTS "
                      "(SELECT 1 FROM cgroup WHERE cgroup.cgroup_id = cooldown.cgroup_id AND vanished_at_us < ?3)"),
      drop_cgroup_limits_(database, delete_oldest("cgroup_limit", "cgroup_id", "cgroup", "vanished_at_us")),
      drop_cgroup_cooldowns_(database, delete_oldest("cooldown", "cgroup_id", "cgroup", "vanished_at_us")),
      drop_cgroups_(database, delete_oldest("cgroup", "cgroup_id", "cgroup", "vanished_at_us")),
      earliest_reference_(
          database,
          "SELECT min(at_us) FROM (SELECT min(hour_at_us) AS at_us FROM sample_hour "
          "UNION ALL SELECT min(started_at_us) FROM reclaim UNION ALL SELECT min(killed_at_us) FROM oom_kill "
          "UNION ALL SELECT started_at_us FROM scan WHERE scan_id = (SELECT min(scan_id) FROM sample))"),
      page_count_(database, "PRAGMA page_count"),
      freelist_count_(database, "PRAGMA freelist_count") {}

void Retention::keep(const core::Keep& keep) {
  keep_ = keep;
  const std::int64_t max_pages = (keep.max_size_bytes - keep.max_size_bytes / kLogShare) / page_bytes_;
  database_.exec("PRAGMA max_page_count = " +
                 std::to_string(max_pages));  // a file that is bigger stays as it is, for now
}

void Retention::undo() {
  roll_up_.undo();
  by_age_ = {};
  for_room_ = {};
}

std::int64_t Retention::file_bytes() {
  Use pages(page_count_);
  pages.step();
  return pages.integer(0) * page_bytes_;
}

std::int64_t Retention::used_bytes() {
  Use pages(freelist_count_);
  pages.step();
  return file_bytes() - pages.integer(0) * page_bytes_;
}

bool Retention::is_over_size() {
  const std::int64_t file_share_bytes = keep_.max_size_bytes - keep_.max_size_bytes / kLogShare;
  return used_bytes() >
         file_share_bytes - std::clamp(reserved_bytes_, file_share_bytes / kFreeShare, file_share_bytes / 2);
}

bool Retention::work(std::int64_t now_us) {
  look_anew(now_us);
  if (drop_stray_samples()) return true;
  if (is_over_size() && make_room(now_us)) return true;
  return roll_up_.work(now_us) || drop_old(now_us) || give_back_pages();
}

void Retention::look_anew(std::int64_t now_us) {
  const bool was_set_back = now_us < worked_at_us_;  // or may have been before the start
  worked_at_us_ = now_us;
  if (was_set_back) {
    Use last(last_scan_after_, now_us + kAheadUs);
    last.step();
    set_back_scan_id_ = std::max(set_back_scan_id_, last.integer(0));
  }
  if (!was_set_back && now_us - looked_anew_at_us_ < kHourUs) return;
  looked_anew_at_us_ = now_us;
  by_age_.sampled_scan_id = 0;
  for_room_ = {};
}

/// Not while the scans of a day ago are missing although there are older ones: the clock may have leapt for a moment
/// only.
bool Retention::is_clock_believed(std::int64_t now_us) {
  Use newest(newest_scan_before_, now_us - kDayUs);
  newest.step();
  const auto at_us = newest.amount(0);
  return !at_us || now_us - static_cast<std::int64_t>(*at_us) < 2 * kDayUs + kHourUs;  // it may be a scan a day
}

bool Retention::drop_old(std::int64_t now_us) {
  if (!is_clock_believed(now_us)) return false;
  if (drop_samples({.before_us = now_us - keep_.samples_us, .incidents_before_us = now_us - keep_.incidents_us},
                   by_age_.sampled_scan_id)) {
    return true;
  }
  if (pass_step_ == kPassEnd) {
    if (now_us >= pass_began_at_us_ && now_us - pass_began_at_us_ < kHourUs) return false;
    pass_step_ = 0;
    by_age_ = {.sampled_scan_id = by_age_.sampled_scan_id};
    pass_began_at_us_ = now_us;
  }
  bool dropped = false;
  switch (pass_step_) {
    case 0:
      dropped = drop_hours(now_us - keep_.hours_us);
      break;
    case 1:
      dropped = drop_events(now_us - keep_.events_us, by_age_);
      break;
    case 2:
      dropped = drop_cgroups(now_us - keep_.events_us, by_age_);
      break;
    default:
      dropped = drop_scans(now_us - kScansKeptUs, by_age_);
      break;
  }
  if (!dropped) ++pass_step_;
  return true;
}

bool Retention::make_room(std::int64_t now_us) {
  for (const Stage& stage : kStages) {
    const std::int64_t before_us = stage.age_us == kNoAge ? INT64_MAX : now_us - stage.age_us;
    bool dropped = false;
    switch (stage.what) {
      case Stage::What::samples:
        dropped = drop_samples({.before_us = before_us, .incidents_before_us = INT64_MIN, .makes_room = true},
                               for_room_.sampled_scan_id);
        break;
      case Stage::What::incidents: {
        std::int64_t from_the_first = 0;
        dropped = drop_samples({.before_us = before_us, .incidents_before_us = INT64_MAX, .makes_room = true},
                               from_the_first);
        break;
      }
      case Stage::What::hours:
        dropped = drop_hours(before_us);
        break;
      case Stage::What::events:
        dropped =
            drop_events(before_us, for_room_) || drop_cgroups(before_us, for_room_) || drop_scans(before_us, for_room_);
        break;
    }
    if (dropped) return true;
  }
  return false;
}

/// A damaged file may have had samples of scans that come after all that it had of those. New scans would be taken for
/// theirs.
bool Retention::drop_stray_samples() {
  std::int64_t last_scan_id = 0;
  {
    Use last(last_scan_);
    last.step();
    last_scan_id = last.integer(0);
  }
  return drop_samples({.before_us = INT64_MAX, .incidents_before_us = INT64_MAX, .makes_room = true}, last_scan_id);
}

bool Retention::drop_samples(const Samples& which, std::int64_t& looked_at_scan_id) {
  const std::int64_t reach = which.makes_room ? INT64_MAX : roll_up_.reaches_scan_id();
  std::int64_t dropped_count = 0;
  for (int looked = 0; looked < kScansLookedAtOnce && dropped_count < kSamplesDroppedAtOnce; ++looked) {
    std::int64_t scan_id = 0;
    std::int64_t at_us = INT64_MIN;  // where the scan's row is lost
    bool is_partial = false;
    std::optional<std::uint64_t> stays_until_us;
    {
      Use next(next_sampled_scan_, looked_at_scan_id, which.incidents_before_us);
      if (!next.step() || next.integer(0) > reach) return dropped_count > 0;
      scan_id = next.integer(0);
      if (const auto started_at_us = next.amount(1)) at_us = static_cast<std::int64_t>(*started_at_us);
      is_partial = next.integer(2) != 0;
      stays_until_us = next.amount(3);
    }
    if (at_us >= which.before_us) {
      const bool is_ahead = at_us > worked_at_us_ + (which.makes_room ? kAheadUs : 0);
      if (!is_ahead && (!which.makes_room || scan_id > set_back_scan_id_)) return dropped_count > 0;
      if (!which.makes_room) {  // nobody knows how old it is
        looked_at_scan_id = scan_id;
        continue;
      }
    }
    if (stays_until_us) {
      Use next(first_not_between_, scan_id, at_us, static_cast<std::int64_t>(*stays_until_us));
      next.step();
      looked_at_scan_id = next.integer(0) - 1;
      continue;
    }
    std::optional<std::uint64_t> slice_end;
    {
      Use end(last_of_slice_, scan_id);
      if (end.step()) slice_end = end.amount(0);
    }
    execute(drop_samples_, scan_id, slice_end ? static_cast<std::int64_t>(*slice_end) : INT64_MAX);
    dropped_count += database_.getChanges();
    if (slice_end) continue;
    looked_at_scan_id = scan_id;
    if (is_partial) execute(drop_partial_scan_, scan_id);
  }
  return true;
}

/// Those without samples. Goes on where the slice before has ended, for some stay.
bool Retention::drop_scans(std::int64_t before_us, Looked& looked) {
  std::optional<std::uint64_t> slice_end_us;
  {
    Use slice(scans_from_, looked.scans_us, before_us);
    if (slice.step()) slice_end_us = slice.amount(0);
  }
  if (!slice_end_us) return false;
  const auto end_us = static_cast<std::int64_t>(*slice_end_us);
  execute(drop_scans_, looked.scans_us, end_us);
  looked.scans_us = end_us;
  return true;
}

bool Retention::drop_hours(std::int64_t before_us) { return execute_slice(drop_hours_, before_us); }

bool Retention::drop_events(std::int64_t before_us, Looked& looked) {
  execute(drop_effects_, before_us);
  return execute_slice(drop_reclaims_, before_us) || execute_slice(drop_kills_, before_us) ||
         execute_slice(drop_service_events_, before_us) || drop_limits(before_us, looked);
}

/// Those that others have followed. The slices are of rows: a scan may tell a limit of every cgroup, at one instant.
bool Retention::drop_limits(std::int64_t before_us, Looked& looked) {
  std::int64_t end_us = 0;
  std::int64_t end_cgroup_id = 0;
  {
    Use slice(limits_from_, looked.limits_us, looked.limits_cgroup_id, before_us);
    if (!slice.step()) return false;
    end_us = slice.integer(0);
    end_cgroup_id = slice.integer(1);
  }
  execute(drop_limits_, looked.limits_us, looked.limits_cgroup_id, end_us, end_cgroup_id, before_us);
  looked.limits_us = end_us;
  looked.limits_cgroup_id = end_cgroup_id;
  return true;
}

/// Cgroups that ended, and of which nothing else tells any more.
bool Retention::drop_cgroups(std::int64_t before_us, Looked& looked) {
  if (drop_cooldowns(before_us, looked)) return true;
  const std::int64_t unreferenced_before_us = std::min(before_us, earliest_reference_us() - kHourUs);
  execute(drop_cgroup_limits_, unreferenced_before_us);
  execute(drop_cgroup_cooldowns_, unreferenced_before_us);
  return execute_slice(drop_cgroups_, unreferenced_before_us);
}

bool Retention::drop_cooldowns(std::int64_t before_us, Looked& looked) {
  std::optional<std::uint64_t> slice_end;
  {
    Use slice(cooldowns_from_, looked.cooldowns_cgroup_id);
    if (slice.step()) slice_end = slice.amount(0);
  }
  if (!slice_end) return false;
  const auto end_cgroup_id = static_cast<std::int64_t>(*slice_end);
  execute(drop_cooldowns_, looked.cooldowns_cgroup_id, end_cgroup_id, before_us);
  looked.cooldowns_cgroup_id = end_cgroup_id;
  return true;
}

std::int64_t Retention::earliest_reference_us() {
  Use earliest(earliest_reference_);
  earliest.step();
  const auto at_us = earliest.amount(0);
  return at_us ? static_cast<std::int64_t>(*at_us) : INT64_MAX;
}

/// Whether anything was deleted.
bool Retention::execute_slice(SQLite::Statement& statement, std::int64_t before_us) {
  execute(statement, before_us);
  return database_.getChanges() > 0;
}

/// Pages that will be used again soon are worth more in the file than outside.
bool Retention::give_back_pages() {
  const std::int64_t file = file_bytes();
  const std::int64_t free = file - used_bytes();
  const std::int64_t file_share_bytes = keep_.max_size_bytes - keep_.max_size_bytes / kLogShare;
  const bool too_big = file > file_share_bytes && free > 0;
  giving_back_ = too_big || free > (giving_back_ ? std::max(kMiB, file / 16) : std::max(4 * kMiB, file / 8));
  if (!giving_back_) return false;
  database_.exec("PRAGMA incremental_vacuum(" + std::to_string(kGivenBackAtOnceBytes / page_bytes_) + ")");
  if (too_big) keep(keep_);  // the bound could not be set below the file's size
  return true;
}

}  // namespace cgmm::store
