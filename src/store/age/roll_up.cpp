// SPDX-License-Identifier: Apache-2.0
#include "store/age/roll_up.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "core/sample.hpp"
#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kHourUs = 3600LL * 1'000'000;
constexpr std::int64_t kSamplesAtOnce = 4000;  // some milliseconds
constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
/// The scans of the hour that began at ?1, up to the scan ?2.
const std::string kScansOfHour =
    " FROM scan WHERE started_at_us >= ?1 AND started_at_us < ?1 + 3600000000"
    " AND scan_id <= ?2";

std::int64_t hour_of(std::int64_t at_us) { return at_us - (at_us % kHourUs + kHourUs) % kHourUs; }

/// Rolls up the cgroups over ?3, up to ?4. Averages and sample_count are of whole scans: a few seconds near a limit are
/// no average. Increases are summed up as real numbers (exact up to 2^53): an absurd one must not end in SQLite's error
/// "integer overflow". Samples of an hour that is made anew may be gone meanwhile: the row that knows of more of them
/// stays.
std::string roll_up_sql() {
  std::string columns = "sample_count";
  std::string values = "sum(is_whole)";
  std::string updates = "sample_count = excluded.sample_count";
  const auto add = [&](const std::string& column, const std::string& value) {
    columns += ", " + column;
    values += ", " + value;
    updates += ", " + column + " = excluded." + column;
  };
  for (const auto name : core::kGaugeNames) {
    const std::string gauge(name);
    add(gauge + "_avg_kib", "CAST(avg(" + gauge + "_kib) FILTER (WHERE is_whole) AS INTEGER)");
    add(gauge + "_max_kib", "max(" + gauge + "_kib)");
  }
  for (const auto name : core::kCounterNames) {
    const std::string counter(name);
    add(counter, "CAST(sum(1.0 * " + counter + ") AS INTEGER)");
  }
  return "INSERT INTO sample_hour (hour_at_us, cgroup_id, " + columns + ") SELECT ?1, cgroup_id, " + values +
         " FROM (SELECT scan_id, is_partial IS NOT 1 AS is_whole" + kScansOfHour +
         ") CROSS JOIN sample USING (scan_id) WHERE cgroup_id > ?3 AND cgroup_id <= ?4 GROUP BY cgroup_id"
         " ON CONFLICT (hour_at_us, cgroup_id) DO UPDATE SET " +
         updates + " WHERE excluded.sample_count >= sample_hour.sample_count";
}

}  // namespace

RollUp::RollUp(SQLite::Database& database)
    : reaches_(database, "SELECT coalesce(max(scan_id), 0) FROM rolled_up"),
      next_scan_(database, "SELECT scan_id, started_at_us FROM scan WHERE scan_id > ? ORDER BY scan_id LIMIT 1"),
      first_outside_(database,
                     "SELECT scan_id FROM scan WHERE scan_id > ?1 AND (started_at_us < ?2 OR started_at_us >= ?3) "
                     "ORDER BY scan_id LIMIT 1"),
      count_scans_(database, "SELECT count(*)" + kScansOfHour),
      // No scan has more than ?4 cgroups over ?3 and up to this one.
      slice_end_(database,
                 "SELECT min((SELECT cgroup_id FROM sample WHERE sample.scan_id = scan.scan_id AND cgroup_id > ?3"
                 " ORDER BY cgroup_id LIMIT 1 OFFSET ?4 - 1))" +
                     kScansOfHour),
      roll_up_(database, roll_up_sql()),
      forget_reach_(database, "DELETE FROM rolled_up"),
      store_reach_(database, "INSERT INTO rolled_up (scan_id) VALUES (?)") {}

std::int64_t RollUp::reaches_scan_id() {
  Use reach(reaches_);
  reach.step();
  return reach.integer(0);
}

bool RollUp::work(std::int64_t now_us) {
  if (!hour_ && !find_hour(now_us)) return false;
  std::int64_t end = kAll;
  {
    Use slice(slice_end_, hour_->began_at_us, hour_->last_scan_id, hour_->after_cgroup_id, hour_->cgroups_at_once);
    slice.step();
    if (const auto cgroup_id = slice.amount(0)) end = to_sql(*cgroup_id);
  }
  execute(roll_up_, hour_->began_at_us, hour_->last_scan_id, hour_->after_cgroup_id, end);
  hour_->after_cgroup_id = end;
  if (end != kAll) return true;
  execute(forget_reach_);
  execute(store_reach_, hour_->last_scan_id);
  hour_.reset();
  return true;
}

/// The hour of the first scan that is not rolled up, once a scan of another hour has followed it.
bool RollUp::find_hour(std::int64_t now_us) {
  Hour hour;
  std::int64_t first_scan_id = 0;
  {
    Use next(next_scan_, reaches_scan_id());
    if (!next.step()) return false;
    first_scan_id = next.integer(0);
    hour.began_at_us = hour_of(next.integer(1));
  }
  if (hour.began_at_us == hour_of(now_us)) return false;
  {
    Use outside(first_outside_, first_scan_id, hour.began_at_us, hour.began_at_us + kHourUs);
    if (!outside.step()) return false;
    hour.last_scan_id = outside.integer(0) - 1;
  }
  Use scans(count_scans_, hour.began_at_us, hour.last_scan_id);
  scans.step();
  hour.cgroups_at_once = std::max<std::int64_t>(kSamplesAtOnce / std::max<std::int64_t>(scans.integer(0), 1), 1);
  hour_ = hour;
  return true;
}

}  // namespace cgmm::store
