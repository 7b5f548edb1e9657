// SPDX-License-Identifier: Apache-2.0
#include "store/roll_up.hpp"

#include <SQLiteCpp/Database.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kHourUs = 3600LL * 1'000'000;
constexpr std::int64_t kRowsReadAtOnce = 4000;    // some milliseconds
constexpr std::size_t kRowsWrittenAtOnce = 400;
constexpr std::size_t kCgroupsAtOnce = 2000;      // 0.7 MB of sums

std::int64_t hour_of(std::int64_t at_us) { return at_us - (at_us % kHourUs + kHourUs) % kHourUs; }

std::string select_samples_sql() {
  std::string columns = "cgroup_id";
  for (const auto name : core::kGaugeNames) columns += ", " + std::string(name) + "_kib";
  for (const auto name : core::kCounterNames) columns += ", " + std::string(name);
  return "SELECT " + columns + " FROM sample WHERE scan_id = ? AND cgroup_id > ? AND cgroup_id <= ? ORDER BY cgroup_id";
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
  return "INSERT INTO sample_hour (" + names + ") VALUES (" + values + ") ON CONFLICT (hour_at_us, cgroup_id) DO UPDATE SET " +
         updates + " WHERE excluded.sample_count >= sample_hour.sample_count";
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
      samples_(database, select_samples_sql()),
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
  } else if (!hour_->sums.empty()) {
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

/// A damaged file may have lost the last scans, and their ids are given away again. What is there is rolled up once more.
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
  Use sample(samples_, scan.scan_id, hour.after_cgroup_id, hour.to_cgroup_id);
  while (sample.step()) {
    ++rows_read_;
    const std::int64_t cgroup_id = sample.integer(0);
    if (cgroup_id > hour.to_cgroup_id) return;  // the chunk has just ended earlier
    Sums& sums = hour.sums[cgroup_id];
    if (!scan.is_partial) ++sums.sample_count;
    int column = 1;
    for (std::size_t i = 0; i < core::Gauges::kSize; ++i, ++column) {
      const auto value = sample.amount(column);
      if (!value) continue;
      const auto kib = static_cast<std::int64_t>(*value);
      sums.has_gauge |= std::uint32_t{1} << i;
      sums.max_kib[i] = std::max(sums.max_kib[i], kib);
      if (scan.is_partial) continue;  // a few seconds before a limit are no average
      sums.total_kib[i] += kib;
      ++sums.total_count[i];
    }
    for (std::size_t i = 0; i < core::Counters::kSize; ++i, ++column) {
      const auto value = sample.amount(column);
      if (!value) continue;
      sums.has_counter |= std::uint32_t{1} << i;
      sums.increase[i] += static_cast<std::int64_t>(*value);
    }
    if (hour.sums.size() > kCgroupsAtOnce) {
      hour.sums.erase(std::prev(hour.sums.end()));
      hour.to_cgroup_id = std::prev(hour.sums.end())->first;
    }
  }
}

void RollUp::write_slice(Hour& hour) {
  for (std::size_t written = 0; written < kRowsWrittenAtOnce && !hour.sums.empty(); ++written) {
    const auto& [cgroup_id, sums] = *hour.sums.begin();
    {
      Use row(store_, hour.began_at_us, cgroup_id, sums.sample_count);
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
    hour.sums.erase(hour.sums.begin());
  }
}

void RollUp::finish_chunk(Hour& hour) {
  if (hour.to_cgroup_id != kAll) {
    hour.after_cgroup_id = std::exchange(hour.to_cgroup_id, kAll);
    hour.next_scan = 0;
    return;
  }
  execute(forget_reach_);
  execute(store_reach_, hour.last_scan_id);
  hour_.reset();
}

}  // namespace cgmm::store
