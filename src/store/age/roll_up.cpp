// SPDX-License-Identifier: Apache-2.0
#include "store/age/roll_up.hpp"

#include <algorithm>
#include <string>

#include "base/time.hpp"
#include "core/sample.hpp"
#include "store/age/archiver.hpp"
#include "store/archived/samples_table.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kSamplesAtOnce = 4000;  // some milliseconds
/// The scans of the hour that began at ?1, up to the scan ?2.
const std::string kScansOfHour =
    " FROM scan WHERE started_at_us >= ?1 AND started_at_us < ?1 + 3600000000"
    " AND scan_id <= ?2";

std::int64_t hour_of(std::int64_t at_us) { return at_us - (at_us % base::kHour_us + base::kHour_us) % base::kHour_us; }

/// Rolls up the cgroups over ?3, up to ?4. Averages and sample_count are of whole scans: a few seconds near a limit are
/// no average. Increases are summed up as real numbers (exact up to 2^53): an absurd one must not end in SQLite's error
/// "integer overflow". Samples of an hour that is made anew may be gone meanwhile: the row that knows of more of them
/// stays.
std::string roll_up_sql(const std::string& samples) {
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
    if (gauge != "peak")  // most samples have none
      add(gauge + "_avg_kib", "CAST(avg(" + gauge + "_kib) FILTER (WHERE is_whole) AS INTEGER)");
    add(gauge + "_max_kib", "max(" + gauge + "_kib)");
  }
  for (const auto name : core::kCounterNames) {
    const std::string counter(name);
    add(counter, "CAST(sum(1.0 * " + counter + ") AS INTEGER)");
  }
  return "INSERT INTO sample_hour (hour_at_us, cgroup_id, " + columns + ") SELECT ?1, cgroup_id, " + values +
         " FROM (SELECT scan_id, is_partial IS NOT 1 AS is_whole" + kScansOfHour + ") CROSS JOIN " + samples +
         " USING (scan_id) WHERE cgroup_id > ?3 AND cgroup_id <= ?4 GROUP BY cgroup_id"
         " ON CONFLICT (hour_at_us, cgroup_id) DO UPDATE SET " +
         updates + " WHERE excluded.sample_count >= sample_hour.sample_count";
}

}  // namespace

std::int64_t RollUp::reaches_scan_id() { return sql_.number("SELECT max(scan_id) FROM rolled_up").value_or(0); }

bool RollUp::work(std::int64_t now_us) {
  if (!hour_ && !find_hour(now_us)) return false;
  const std::string samples = hour_->has_archived ? "all_samples" : "sample";
  // No scan has more than ?4 cgroups over ?3 and up to this one.
  const auto slice_end =
      sql_.number("SELECT min((SELECT s.cgroup_id FROM " + samples +
                      " s WHERE s.scan_id = scan.scan_id AND s.cgroup_id > ?3 "
                      "ORDER BY s.cgroup_id LIMIT 1 OFFSET ?4 - 1))" +
                      kScansOfHour,
                  hour_->began_at_us, hour_->last_scan_id, hour_->after_cgroup_id, hour_->cgroups_at_once);
  sql_.execute(roll_up_sql(samples), hour_->began_at_us, hour_->last_scan_id, hour_->after_cgroup_id,
               slice_end.value_or(INT64_MAX));
  if (slice_end) {
    hour_->after_cgroup_id = *slice_end;
    return true;
  }
  sql_.execute("DELETE FROM rolled_up");
  sql_.execute("INSERT INTO rolled_up (scan_id) VALUES (?)", hour_->last_scan_id);
  hour_.reset();
  return true;
}

/// The hour of the first scan that is not rolled up, once a scan of another hour has followed it.
bool RollUp::find_hour(std::int64_t now_us) {
  Hour hour;
  std::int64_t first_scan_id = 0;
  {
    Use next = sql_.use("SELECT scan_id, started_at_us FROM scan WHERE scan_id > ? ORDER BY scan_id LIMIT 1",
                        reaches_scan_id());
    if (!next.step()) return false;
    first_scan_id = next.integer(0);
    hour.began_at_us = hour_of(next.integer(1));
  }
  if (hour.began_at_us == hour_of(now_us)) return false;
  const auto outside = sql_.number(
      "SELECT scan_id FROM scan WHERE scan_id > ?1 AND (started_at_us < ?2 OR started_at_us >= ?3) "
      "ORDER BY scan_id LIMIT 1",
      first_scan_id, hour.began_at_us, hour.began_at_us + base::kHour_us);
  if (!outside) return false;
  hour.last_scan_id = *outside - 1;
  const auto scan_count = sql_.number("SELECT count(*)" + kScansOfHour, hour.began_at_us, hour.last_scan_id);
  hour.cgroups_at_once = std::max<std::int64_t>(kSamplesAtOnce / std::max<std::int64_t>(*scan_count, 1), 1);
  // Where the clock was set back, the hour has begun before, and its first scans may be in the archive by now.
  const auto first_of_hour = sql_.number("SELECT min(scan_id)" + kScansOfHour, hour.began_at_us, hour.last_scan_id);
  hour.has_archived = first_of_hour && *first_of_hour <= archived_to(sql_);
  if (hour.has_archived && !knows_archive_) {
    sql_.database().check(add_archive_tables(sql_.database().getHandle()));
    knows_archive_ = true;
  }
  hour_ = hour;
  return true;
}

}  // namespace cgmm::store
