// SPDX-License-Identifier: Apache-2.0
#include "store/age/archiver.hpp"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "store/age/instants.hpp"
#include "store/age/old_rows.hpp"

namespace cgmm::store {
namespace {

using archive::first_scan_of;
using archive::kBlockScans;
using archive::last_scan_of;

/// Twenty milliseconds of CPU. A slice looks up each scan of the block once, so that more of them would cost more.
constexpr std::int64_t kPackedAtOnce = 12'000;
constexpr std::int64_t kDeletedAtOnce = 12'000;
constexpr std::size_t kChunksAtOnce = 150;      // of cgroups that live for a moment there may be very many
constexpr std::int64_t kMostSampleBytes = 100;  // packed, and with the pages that are not full

archive::Value value_of(sqlite3_stmt* row, int column) {
  const std::int64_t number = sqlite3_column_int64(row, column);
  if (number == 0 && sqlite3_column_type(row, column) == SQLITE_NULL) return std::nullopt;
  return number;
}

/// A running statement keeps its transaction open.
class Resetting {
 public:
  explicit Resetting(sqlite3_stmt* statement) : statement_(statement) {}
  ~Resetting() { sqlite3_reset(statement_); }
  Resetting(const Resetting&) = delete;
  Resetting& operator=(const Resetting&) = delete;

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

std::int64_t archived_to(Statements& sql) {
  return sql.number("SELECT max(scan_id) FROM archived").value_or(INT64_MIN);
}

bool Archiver::work(std::int64_t now_us, std::int64_t before_us, std::int64_t to_scan_id, std::int64_t room_bytes) {
  if (delete_slice()) return true;
  if (!next_ && !find_block(now_us, before_us, to_scan_id)) return false;
  if (next_->for_instants) {
    if (keep_next_instant(room_bytes)) return true;
    sql_.execute("DELETE FROM archived");
    sql_.execute("INSERT INTO archived (scan_id) VALUES (?)", last_scan_of(next_->block));
    next_.reset();
    return true;
  }
  const std::int64_t samples = std::min(kPackedAtOnce, room_bytes / kMostSampleBytes);
  next_->cgroups_at_once = std::max<std::int64_t>(samples / std::max<std::int64_t>(next_->scan_count, 1), 1);
  Builders builders;
  const auto end = read_slice(builders);
  store(builders);
  if (end) {
    next_->after_cgroup_id = *end;
  } else {
    next_->for_instants = scans_of_instants(sql_, next_->block);
  }
  return true;
}

/// False: there is none left.
bool Archiver::keep_next_instant(std::int64_t room_bytes) {
  if (next_->for_instants->empty()) return false;
  keep_instant(sql_, *next_->encoder, next_->for_instants->back(), room_bytes);
  next_->for_instants->pop_back();
  return true;
}

/// Of what is in the archive.
bool Archiver::delete_slice() {
  const std::int64_t to_scan_id = archived_to(sql_);
  std::int64_t end_scan_id = to_scan_id, end_cgroup_id = INT64_MAX;
  {
    Use end = sql_.use(
        "SELECT scan_id, cgroup_id FROM sample WHERE scan_id <= ?1 ORDER BY scan_id, cgroup_id LIMIT 1 OFFSET ?2",
        to_scan_id, kDeletedAtOnce - 1);
    if (end.step()) {
      end_scan_id = end.integer(0);
      end_cgroup_id = end.integer(1);
    }
  }
  return sql_.execute("DELETE FROM sample WHERE scan_id <= ?1 AND (scan_id, cgroup_id) <= (?1, ?2)", end_scan_id,
                      end_cgroup_id) > 0;
}

bool Archiver::find_block(std::int64_t now_us, std::int64_t before_us, std::int64_t to_scan_id) {
  const auto first = sql_.number("SELECT scan_id FROM sample ORDER BY scan_id LIMIT 1");
  if (!first) return false;
  const std::int64_t block = archive::block_of(*first);
  const std::int64_t first_scan_id = first_scan_of(block), last_scan_id = last_scan_of(block);
  if (last_scan_id > to_scan_id) return false;
  Next next{.block = block};
  std::optional<std::int64_t> newest_us;
  for (Use scan = sql_.use("SELECT scan_id, started_at_us FROM scan WHERE scan_id BETWEEN ? AND ?", first_scan_id,
                           last_scan_id);
       scan.step(); ++next.scan_count) {
    next.instants[static_cast<std::size_t>(scan.integer(0) - first_scan_id)] = scan.integer(1);
    newest_us = std::max(newest_us.value_or(INT64_MIN), scan.integer(1));
  }
  if (newest_us && *newest_us >= before_us && *newest_us <= now_us + kAhead_us) return false;
  // Where rows of `scan` are lost, there may be samples all the same.
  next.scan_count =
      newest_us ? std::max<std::int64_t>(next.scan_count, archive::kBlockScans / 4) : archive::kBlockScans;
  next.after_cgroup_id =
      sql_.number("SELECT max(cgroup_id) FROM archive_chunk WHERE block = ?", block).value_or(INT64_MIN);
  next_ = std::move(next);
  return true;
}

/// The last cgroup of the slice; nullopt: it is the last slice of the block.
std::optional<std::int64_t> Archiver::read_slice(Builders& builders) {
  static const std::string kSamples =
      "SELECT " + packed_columns() +
      " FROM sample WHERE scan_id = ?1 AND cgroup_id > ?2 AND cgroup_id <= ?3 ORDER BY cgroup_id LIMIT ?4";
  sqlite3* const database = sql_.database().getHandle();
  std::int64_t to_cgroup_id = INT64_MAX;
  try {
    if (!samples_) samples_ = prepare(database, kSamples);
    const Resetting at_the_end(samples_.get());
    // Not the rows of `scan`: some may be lost.
    for (std::int64_t scan_id = first_scan_of(next_->block); scan_id <= last_scan_of(next_->block); ++scan_id)
      read_scan(scan_id, builders, to_cgroup_id);
  } catch (const SqlFailure& failure) {
    throw SQLite::Exception(database, failure.code);
  }
  return to_cgroup_id == INT64_MAX ? std::nullopt : std::optional(to_cgroup_id);
}

/// Where the scan has more cgroups than a slice takes, the slice ends with the last of them.
void Archiver::read_scan(std::int64_t scan_id, Builders& builders, std::int64_t& to_cgroup_id) {
  sqlite3_stmt* const row = samples_.get();
  sqlite3_reset(row);
  sqlite3_bind_int64(row, 1, scan_id);
  sqlite3_bind_int64(row, 2, next_->after_cgroup_id);
  sqlite3_bind_int64(row, 3, to_cgroup_id);
  sqlite3_bind_int64(row, 4, next_->cgroups_at_once + 1);
  std::int64_t count = 0, last_cgroup_id = 0;
  for (auto at = builders.begin(); next_row(row);) {
    const std::int64_t cgroup_id = sqlite3_column_int64(row, 0);
    if (cgroup_id > to_cgroup_id) break;  // it was lowered in this scan
    if (++count > next_->cgroups_at_once) {
      to_cgroup_id = last_cgroup_id;
      builders.erase(builders.upper_bound(to_cgroup_id), builders.end());
      break;
    }
    last_cgroup_id = cgroup_id;
    while (at != builders.end() && at->first < cgroup_id) ++at;
    if (at == builders.end() || at->first != cgroup_id)
      at = builders.emplace_hint(at, cgroup_id, archive::Builder(cgroup_id, next_->block));
    if (builders.size() > kChunksAtOnce) {
      builders.erase(std::prev(builders.end()));
      to_cgroup_id = builders.rbegin()->first;
      if (cgroup_id > to_cgroup_id) break;
    }
    archive::Row values;
    for (std::size_t i = 0; i < archive::kColumnCount; ++i) values[i] = value_of(row, static_cast<int>(i) + 1);
    at->second.add(scan_id, values);
  }
}

void Archiver::store(const Builders& builders) {
  for (const auto& [cgroup_id, builder] : builders) {
    const std::string data = next_->encoder->encode(builder);
    std::optional<std::int64_t> first_at_us, last_at_us;
    for (std::int64_t scan_id = builder.first_scan_id(); scan_id <= builder.last_scan_id(); ++scan_id) {
      const auto at_us = next_->instants[static_cast<std::size_t>(scan_id - first_scan_of(next_->block))];
      if (!at_us) continue;
      first_at_us = std::min(first_at_us.value_or(*at_us), *at_us);
      last_at_us = std::max(last_at_us.value_or(*at_us), *at_us);
    }
    sql_.execute(
        "INSERT OR REPLACE INTO archive_chunk (block, cgroup_id, first_scan_id, last_scan_id, first_at_us, last_at_us, "
        "sample_count, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        next_->block, cgroup_id, builder.first_scan_id(), builder.last_scan_id(), first_at_us, last_at_us,
        static_cast<std::int64_t>(builder.size()), Blob{data});
  }
}

}  // namespace cgmm::store
