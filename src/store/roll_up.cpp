// SPDX-License-Identifier: Apache-2.0
#include "store/roll_up.hpp"

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kHourUs = 3600LL * 1'000'000;
constexpr std::int64_t kRowsReadAtOnce = 4000;  // some milliseconds
constexpr std::size_t kRowsWrittenAtOnce = 400;
constexpr std::size_t kCgroupsAtOnce = 1000;  // 0.3 MB of sums
constexpr const char* kAddSample = "add_sample_to_hour";

std::int64_t hour_of(std::int64_t at_us) { return at_us - (at_us % kHourUs + kHourUs) % kHourUs; }

/// The function is called with every sample: half the processor time of a row a step with a call a column.
std::string select_samples_sql() {
  std::string columns = "cgroup_id";
  for (const auto name : core::kGaugeNames) columns += ", " + std::string(name) + "_kib";
  for (const auto name : core::kCounterNames) columns += ", " + std::string(name);
  return "SELECT " + std::string(kAddSample) + "(" + columns +
         ") FROM sample WHERE scan_id = ? AND cgroup_id > ? AND cgroup_id <= ?";
}

/// Samples of an hour that is made anew may be gone meanwhile: the row that knows of more of them stays.
std::string store_sql() {
  std::vector<std::string> columns{"sample_count"};
  for (const auto name : core::kGaugeNames) {
    columns.push_back(std::string(name) + "_avg_kib");
    columns.push_back(std::string(name) + "_max_kib");
  }
  for (const auto name : core::kCounterNames) columns.emplace_back(name);
  std::string names = "hour_at_us, cgroup_id";
  std::string values = "?, ?";
  std::string updates;
  for (const std::string& column : columns) {
    names += ", " + column;
    values += ", ?";
    updates += (updates.empty() ? "" : ", ") + column + " = excluded." + column;
  }
  return "INSERT INTO sample_hour (" + names + ") VALUES (" + values +
         ") ON CONFLICT (hour_at_us, cgroup_id) DO UPDATE SET " + updates +
         " WHERE excluded.sample_count >= sample_hour.sample_count";
}

/// An aggregate with nothing to return.
SQLite::Database& with_function(SQLite::Database& database, RollUp* self,
                                void (*add_sample)(sqlite3_context*, int, sqlite3_value**)) {
  constexpr int kCount = 1 + static_cast<int>(core::Gauges::kSize + core::Counters::kSize);
  database.check(sqlite3_create_function_v2(
      database.getHandle(), kAddSample, kCount, SQLITE_UTF8 | SQLITE_DIRECTONLY, self, nullptr, add_sample,
      [](sqlite3_context*) {}, nullptr));
  return database;
}

}  // namespace

RollUp::RollUp(SQLite::Database& database)
    : reaches_(database, "SELECT coalesce(max(scan_id), 0) FROM rolled_up"),
      last_scan_(database, "SELECT coalesce(max(scan_id), 0) FROM scan"),
      next_scan_(database, "SELECT scan_id, started_at_us FROM scan WHERE scan_id > ? ORDER BY scan_id LIMIT 1"),
      first_outside_(database,
                     "SELECT scan_id FROM scan WHERE scan_id > ?1 AND (started_at_us < ?2 OR started_at_us >= ?3) "
                     "ORDER BY scan_id LIMIT 1"),
      scans_of_hour_(database,
                     "SELECT scan_id, is_partial IS 1 FROM scan WHERE started_at_us >= ? AND started_at_us < ? "
                     "AND scan_id <= ? ORDER BY scan_id"),
      samples_(with_function(database, this, add_sample), select_samples_sql()),
      store_(database, store_sql()),
      forget_reach_(database, "DELETE FROM rolled_up"),
      store_reach_(database, "INSERT INTO rolled_up (scan_id) VALUES (?)") {}

std::int64_t RollUp::reaches_scan_id() {
  Use reach(reaches_);
  reach.step();
  return reach.integer(0);
}

bool RollUp::work(std::int64_t now_us) {
  if (!hour_ && !find_hour(now_us)) return false;
  if (hour_->next_scan < hour_->scans.size()) {
    read_slice(*hour_);
  } else if (hour_->next_sums < hour_->sums.size()) {
    write_slice(*hour_);
  } else {
    finish_chunk(*hour_);
  }
  return true;
}

/// The hour of the first scan that is not rolled up, once a scan of another hour has followed it.
bool RollUp::find_hour(std::int64_t now_us) {
  Hour hour;
  std::int64_t first_scan_id = 0;
  {
    const std::int64_t reach = reaches_scan_id();
    Use next(next_scan_, reach);
    if (!next.step()) {
      forget_reach_of_lost_scans(reach);
      return false;
    }
    first_scan_id = next.integer(0);
    hour.began_at_us = hour_of(next.integer(1));
  }
  if (hour.began_at_us == hour_of(now_us)) return false;
  {
    Use outside(first_outside_, first_scan_id, hour.began_at_us, hour.began_at_us + kHourUs);
    if (!outside.step()) return false;
    hour.last_scan_id = outside.integer(0) - 1;
  }
  Use scans(scans_of_hour_, hour.began_at_us, hour.began_at_us + kHourUs, hour.last_scan_id);
  while (scans.step()) hour.scans.push_back({.scan_id = scans.integer(0), .is_partial = scans.integer(1) != 0});
  hour_ = std::move(hour);
  return true;
}

/// A damaged file may have lost the last scans, and their ids are given away again. What is there is rolled up once
/// more.
void RollUp::forget_reach_of_lost_scans(std::int64_t reach) {
  Use last(last_scan_);
  last.step();
  if (last.integer(0) < reach) execute(forget_reach_);
}

void RollUp::read_slice(Hour& hour) {
  rows_read_ = 0;
  for (std::int64_t scans = 0; hour.next_scan < hour.scans.size() && rows_read_ + scans < kRowsReadAtOnce; ++scans) {
    add(hour, hour.scans[hour.next_scan++]);
  }
}

void RollUp::add(Hour& hour, const Scan& scan) {
  hour.next_sums = 0;
  adds_partial_ = scan.is_partial;
  execute(samples_, scan.scan_id, hour.after_cgroup_id, hour.to_cgroup_id);
  hour.next_sums = 0;
}

void RollUp::add_sample(sqlite3_context* context, int /*as many as were asked for*/, sqlite3_value** values) {
  auto& self = *static_cast<RollUp*>(sqlite3_user_data(context));
  try {
    self.add_sample(*self.hour_, sqlite3_value_int64(values[0]), values + 1);
  } catch (const std::bad_alloc&) {
    sqlite3_result_error_nomem(context);
  }
}

void RollUp::add_sample(Hour& hour, std::int64_t cgroup_id, sqlite3_value** values) {
  ++rows_read_;
  if (cgroup_id > hour.to_cgroup_id) return;  // the chunk has just ended earlier
  // They come in the order of cgroup_id, scan by scan; whatever SQLite may make of it one day, no cgroup gets a second
  // place.
  if (hour.next_sums > 0 && hour.sums[std::min(hour.next_sums, hour.sums.size()) - 1].cgroup_id >= cgroup_id)
    hour.next_sums = 0;
  while (hour.next_sums < hour.sums.size() && hour.sums[hour.next_sums].cgroup_id < cgroup_id) ++hour.next_sums;
  if (hour.next_sums == hour.sums.size() || hour.sums[hour.next_sums].cgroup_id != cgroup_id) {
    hour.sums.insert(hour.sums.begin() + static_cast<std::ptrdiff_t>(hour.next_sums), Sums{.cgroup_id = cgroup_id});
    if (hour.sums.size() > kCgroupsAtOnce) {
      hour.sums.pop_back();
      hour.to_cgroup_id = hour.sums.back().cgroup_id;
      if (cgroup_id > hour.to_cgroup_id) return;
    }
  }
  Sums& sums = hour.sums[hour.next_sums];
  if (!adds_partial_) ++sums.sample_count;
  for (std::size_t i = 0; i < core::Gauges::kSize; ++i, ++values) {
    if (sqlite3_value_type(*values) == SQLITE_NULL) continue;
    const std::int64_t kib = sqlite3_value_int64(*values);
    sums.has_gauge |= std::uint32_t{1} << i;
    sums.max_kib[i] = std::max(sums.max_kib[i], kib);
    if (adds_partial_) continue;  // a few seconds before a limit are no average
    sums.total_kib[i] += kib;
    ++sums.total_count[i];
  }
  for (std::size_t i = 0; i < core::Counters::kSize; ++i, ++values) {
    if (sqlite3_value_type(*values) == SQLITE_NULL) continue;
    sums.has_counter |= std::uint32_t{1} << i;
    sums.increase[i] += sqlite3_value_int64(*values);
  }
}

void RollUp::write_slice(Hour& hour) {
  for (std::size_t written = 0; written < kRowsWrittenAtOnce && hour.next_sums < hour.sums.size(); ++written) {
    const Sums& sums = hour.sums[hour.next_sums++];
    Use row(store_, hour.began_at_us, sums.cgroup_id, sums.sample_count);
    for (std::size_t i = 0; i < core::Gauges::kSize; ++i) {
      std::optional<std::int64_t> average_kib;
      std::optional<std::int64_t> max_kib;
      if (sums.total_count[i] > 0) average_kib = sums.total_kib[i] / sums.total_count[i];
      if ((sums.has_gauge >> i & 1) != 0) max_kib = sums.max_kib[i];
      row.bind(average_kib);
      row.bind(max_kib);
    }
    for (std::size_t i = 0; i < core::Counters::kSize; ++i) {
      std::optional<std::int64_t> increase;
      if ((sums.has_counter >> i & 1) != 0) increase = sums.increase[i];
      row.bind(increase);
    }
    row.step();
  }
}

void RollUp::finish_chunk(Hour& hour) {
  if (hour.to_cgroup_id != kAll) {
    hour.after_cgroup_id = std::exchange(hour.to_cgroup_id, kAll);
    hour.next_scan = 0;
    hour.sums.clear();
    hour.next_sums = 0;
    return;
  }
  execute(forget_reach_);
  execute(store_reach_, hour.last_scan_id);
  hour_.reset();
}

}  // namespace cgmm::store
