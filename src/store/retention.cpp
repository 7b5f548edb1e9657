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
constexpr std::int64_t kScansKeptUs = 35 * kDayUs;    // a month's report has its coverage; they would be 0.3 GB in a year
constexpr std::int64_t kMiB = 1024 * 1024;
constexpr int kPassEnd = 4;

/// Of max_size for the log, which has all that is written while somebody reads for long. The rest is the file's.
constexpr std::int64_t kLogShare = 8;
/// Of the file, kept free for the next transactions.
constexpr std::int64_t kFreeShare = 32;

/// What goes when there is no room, one after the other, down to an age: the oldest first, and what a weekly review and
/// the look at an incident need most last.
struct Stage {
  enum class What { samples, hours, events, incidents } what;
  std::int64_t age_us;
};
constexpr Stage kStages[] = {
    {Stage::What::samples, 6 * kHourUs}, {Stage::What::hours, 30 * kDayUs}, {Stage::What::events, 30 * kDayUs},
    {Stage::What::samples, kHourUs},     {Stage::What::hours, kDayUs},      {Stage::What::events, kDayUs},
    {Stage::What::incidents, kHourUs},   {Stage::What::hours, kHourUs},     {Stage::What::events, kHourUs},
    {Stage::What::samples, 0},
};

/// "DELETE ... WHERE key IN (the first `limit` of `table` that are older than ?1)".
std::string delete_oldest(const std::string& from, const std::string& key, const std::string& table, const std::string& instant,
                          int limit, const std::string& condition = "") {
  return "DELETE FROM " + from + " WHERE " + key + " IN (SELECT " + key + " FROM " + table + " WHERE " + instant + " < ?1" +
         condition + " ORDER BY " + instant + ", " + key + " LIMIT " + std::to_string(limit) + ")";
}

}  // namespace

Retention::Retention(SQLite::Database& database)
    : database_(database),
      roll_up_(database),
      page_bytes_(database.execAndGet("PRAGMA page_size").getInt64()),
      // The times are how long before and after an OOM kill samples stay; the last column is until when.
      next_sampled_scan_(database,
                         "SELECT scan_id, started_at_us, is_partial IS 1, (SELECT max(killed_at_us) + 300000000 FROM oom_kill "
                         "  WHERE keeps_samples = 1 AND killed_at_us "
                         "  BETWEEN max(started_at_us - 300000000, ?2) AND started_at_us + 1800000000) "
                         "FROM scan WHERE scan_id = (SELECT scan_id FROM sample WHERE scan_id > ?1 ORDER BY scan_id LIMIT 1)"),
      last_scan_until_(database, "SELECT scan_id FROM scan WHERE started_at_us <= ? ORDER BY started_at_us DESC LIMIT 1"),
      last_of_slice_(database, "SELECT cgroup_id FROM sample WHERE scan_id = ? ORDER BY cgroup_id LIMIT 1 OFFSET " +
                                   std::to_string(kSamplesDroppedAtOnce - 1)),
      drop_samples_(database, "DELETE FROM sample WHERE scan_id = ?1 AND cgroup_id <= ?2"),
      drop_partial_scan_(database, "DELETE FROM scan WHERE scan_id = ?"),
      scans_from_(database,
                  "SELECT max(started_at_us) FROM (SELECT started_at_us FROM scan WHERE started_at_us > ?1 AND started_at_us < ?2 "
                  "ORDER BY started_at_us LIMIT 500)"),
      drop_scans_(database,
                  "DELETE FROM scan WHERE started_at_us > ?1 AND started_at_us <= ?2 "
                  "AND NOT EXISTS (SELECT 1 FROM sample WHERE sample.scan_id = scan.scan_id)"),
      drop_hours_(database,
                  "DELETE FROM sample_hour WHERE (hour_at_us, cgroup_id) IN (SELECT hour_at_us, cgroup_id FROM sample_hour "
                  "WHERE hour_at_us < ?1 ORDER BY hour_at_us, cgroup_id LIMIT 1000)"),
      drop_effects_(database, delete_oldest("reclaim_effect", "reclaim_id", "reclaim", "started_at_us", 300)),
      drop_reclaims_(database, delete_oldest("reclaim", "reclaim_id", "reclaim", "started_at_us", 300)),
      drop_kills_(database, delete_oldest("oom_kill", "oom_kill_id", "oom_kill", "killed_at_us", 300)),
      // That the run has begun stays on record.
      drop_service_events_(database, delete_oldest("service_event", "service_event_id", "service_event", "at_us", 300,
                                                   " AND service_event_id <> (SELECT max(service_event_id) FROM service_event "
                                                   "WHERE kind = 'start')")),
      // Not the one that still held at ?1.
      drop_limits_(database,
                   "DELETE FROM cgroup_limit WHERE (cgroup_id, changed_at_us) IN (SELECT cgroup_id, changed_at_us "
                   "FROM cgroup_limit old WHERE changed_at_us < ?1 AND EXISTS (SELECT 1 FROM cgroup_limit later "
                   "WHERE later.cgroup_id = old.cgroup_id AND later.changed_at_us > old.changed_at_us "
                   "AND later.changed_at_us < ?1) ORDER BY changed_at_us LIMIT 300)"),
      drop_cooldowns_(database,
                      "DELETE FROM cooldown WHERE until_us < ?1 AND cgroup_id IN "
                      "(SELECT cgroup_id FROM cgroup WHERE vanished_at_us < ?1)"),
      drop_cgroup_limits_(database, delete_oldest("cgroup_limit", "cgroup_id", "cgroup", "vanished_at_us", 300)),
      drop_cgroup_cooldowns_(database, delete_oldest("cooldown", "cgroup_id", "cgroup", "vanished_at_us", 300)),
      drop_cgroups_(database, delete_oldest("cgroup", "cgroup_id", "cgroup", "vanished_at_us", 300)),
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
  database_.exec("PRAGMA max_page_count = " + std::to_string(max_pages));  // a file that is bigger stays as it is, for now
}

void Retention::undo() {
  roll_up_.undo();
  looked_at_scan_id_ = 0;
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
  return used_bytes() > file_share_bytes - file_share_bytes / kFreeShare;
}

bool Retention::work(std::int64_t now_us) {
  if (is_over_size() && make_room(now_us)) return true;
  return roll_up_.work(now_us) || drop_old(now_us) || give_back_pages();
}

bool Retention::drop_old(std::int64_t now_us) {
  if (now_us - looked_anew_at_us_ >= kHourUs || now_us < looked_anew_at_us_) {
    looked_at_scan_id_ = 0;
    looked_anew_at_us_ = now_us;
  }
  if (drop_samples(now_us - keep_.samples_us, now_us - keep_.incidents_us, /*rolled_up_only=*/true)) return true;
  if (pass_step_ == kPassEnd) {
    if (now_us >= pass_began_at_us_ && now_us - pass_began_at_us_ < kHourUs) return false;
    pass_step_ = 0;
    scans_looked_at_us_ = 0;
    pass_began_at_us_ = now_us;
  }
  bool dropped = false;
  switch (pass_step_) {
    case 0: dropped = drop_hours(now_us - keep_.hours_us); break;
    case 1: dropped = drop_events(now_us - keep_.events_us); break;
    case 2: dropped = drop_cgroups(now_us - keep_.events_us); break;
    default: dropped = drop_scans(now_us - kScansKeptUs); break;
  }
  if (!dropped) ++pass_step_;
  return true;
}

bool Retention::make_room(std::int64_t now_us) {
  for (const Stage& stage : kStages) {
    const std::int64_t before_us = now_us - stage.age_us;
    bool dropped = false;
    switch (stage.what) {
      case Stage::What::samples:
        dropped = drop_samples(before_us, now_us - keep_.incidents_us, /*rolled_up_only=*/false);
        break;
      case Stage::What::hours: dropped = drop_hours(before_us); break;
      case Stage::What::events:
        scans_looked_at_us_ = 0;
        dropped = drop_events(before_us) || drop_cgroups(before_us) || drop_scans(before_us);
        break;
      case Stage::What::incidents:
        looked_at_scan_id_ = 0;
        dropped = drop_samples(before_us, now_us, /*rolled_up_only=*/false);
        break;
    }
    if (dropped) return true;
  }
  return false;
}

bool Retention::drop_samples(std::int64_t before_us, std::int64_t incidents_before_us, bool rolled_up_only) {
  const std::int64_t reach = rolled_up_only ? roll_up_.reaches_scan_id() : 0;
  std::int64_t dropped_count = 0;
  for (int looked = 0; looked < kScansLookedAtOnce && dropped_count < kSamplesDroppedAtOnce; ++looked) {
    std::int64_t scan_id = 0;
    bool is_partial = false;
    std::optional<std::uint64_t> stays_until_us;
    {
      Use next(next_sampled_scan_, looked_at_scan_id_, incidents_before_us);
      if (!next.step() || next.integer(1) >= before_us || (rolled_up_only && next.integer(0) > reach)) return dropped_count > 0;
      scan_id = next.integer(0);
      is_partial = next.integer(2) != 0;
      stays_until_us = next.amount(3);
    }
    if (stays_until_us) {
      looked_at_scan_id_ = scan_id;
      Use last(last_scan_until_, static_cast<std::int64_t>(*stays_until_us));
      if (last.step()) looked_at_scan_id_ = std::max(looked_at_scan_id_, last.integer(0));
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
    looked_at_scan_id_ = scan_id;
    if (is_partial) execute(drop_partial_scan_, scan_id);
  }
  return true;
}

/// Those without samples. Goes on where the slice before has ended, for some stay.
bool Retention::drop_scans(std::int64_t before_us) {
  std::optional<std::uint64_t> slice_end_us;
  {
    Use slice(scans_from_, scans_looked_at_us_, before_us);
    if (slice.step()) slice_end_us = slice.amount(0);
  }
  if (!slice_end_us) return false;
  execute(drop_scans_, scans_looked_at_us_, static_cast<std::int64_t>(*slice_end_us));
  scans_looked_at_us_ = static_cast<std::int64_t>(*slice_end_us);
  return true;
}

bool Retention::drop_hours(std::int64_t before_us) { return execute_slice(drop_hours_, before_us); }

bool Retention::drop_events(std::int64_t before_us) {
  execute(drop_effects_, before_us);
  return execute_slice(drop_reclaims_, before_us) || execute_slice(drop_kills_, before_us) ||
         execute_slice(drop_service_events_, before_us) || execute_slice(drop_limits_, before_us);
}

/// Cgroups that ended, and of which nothing else tells any more.
bool Retention::drop_cgroups(std::int64_t before_us) {
  const std::int64_t unreferenced_before_us = std::min(before_us, earliest_reference_us() - kHourUs);
  execute(drop_cooldowns_, before_us);
  execute(drop_cgroup_limits_, unreferenced_before_us);
  execute(drop_cgroup_cooldowns_, unreferenced_before_us);
  return execute_slice(drop_cgroups_, unreferenced_before_us);
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
  database_.exec("PRAGMA incremental_vacuum(64)");
  if (too_big) keep(keep_);  // the bound could not be set below the file's size
  return true;
}

}  // namespace cgmm::store
