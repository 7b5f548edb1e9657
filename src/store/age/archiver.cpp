// SPDX-License-Identifier: Apache-2.0
#include "store/age/archiver.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "store/age/old_rows.hpp"

namespace cgmm::store {
namespace {

using archive::kBlockScans;

constexpr std::int64_t kSamplesAtOnce = 4000;  // some milliseconds

/// The ids from ?1 on, one after the other, up to ?2. Not those in `scan`: a scan's row may be lost.
const std::string kIds =
    "WITH RECURSIVE id (scan_id) AS (SELECT ?1 UNION ALL SELECT scan_id + 1 FROM id WHERE scan_id < ?2) ";

std::string samples_sql() {
  std::string columns = "cgroup_id, id.scan_id";
  for (const std::string_view name : archive::kColumns) columns += ", " + std::string(name);
  return kIds + "SELECT " + columns +
         " FROM id CROSS JOIN sample s WHERE s.scan_id = id.scan_id AND s.cgroup_id > ?3 AND s.cgroup_id <= ?4";
}

struct Part {  // of a slice
  archive::Builder builder;
  std::optional<std::int64_t> first_at_us, last_at_us;
};

}  // namespace

std::int64_t Archiver::archived_to() { return sql_.number("SELECT max(scan_id) FROM archived").value_or(INT64_MIN); }

bool Archiver::work(std::int64_t now_us, std::int64_t before_us, std::int64_t to_scan_id) {
  if (delete_slice()) return true;
  if (!next_ && !find_block(now_us, before_us, to_scan_id)) return false;
  const auto end = slice_end();
  make_chunks(end.value_or(INT64_MAX));
  if (end) {
    next_->after_cgroup_id = *end;
    return true;
  }
  sql_.execute("DELETE FROM archived");
  sql_.execute("INSERT INTO archived (scan_id) VALUES (?)", next_->block * kBlockScans + kBlockScans - 1);
  next_.reset();
  return true;
}

/// Of what is in the archive.
bool Archiver::delete_slice() {
  const std::int64_t to_scan_id = archived_to();
  std::int64_t end_scan_id = to_scan_id, end_cgroup_id = INT64_MAX;
  {
    Use end = sql_.use(
        "SELECT scan_id, cgroup_id FROM sample WHERE scan_id <= ?1 ORDER BY scan_id, cgroup_id LIMIT 1 OFFSET ?2",
        to_scan_id, kSamplesAtOnce - 1);
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
  const std::int64_t last_scan_id = block * kBlockScans + kBlockScans - 1;
  if (last_scan_id > to_scan_id) return false;
  const auto newest_us = sql_.number("SELECT max(started_at_us) FROM scan WHERE scan_id BETWEEN ? AND ?",
                                     block * kBlockScans, last_scan_id);
  if (newest_us && *newest_us >= before_us && *newest_us <= now_us + kAhead_us) return false;
  next_ = {.block = block,
           .after_cgroup_id =
               sql_.number("SELECT max(cgroup_id) FROM archive_chunk WHERE block = ?", block).value_or(INT64_MIN)};
  return true;
}

/// The last cgroup of the next slice; nullopt: it is the last slice of the block.
std::optional<std::int64_t> Archiver::slice_end() {
  static const std::string kEnd = kIds +
                                  "SELECT min((SELECT cgroup_id FROM sample WHERE sample.scan_id = id.scan_id "
                                  "AND cgroup_id > ?3 ORDER BY cgroup_id LIMIT 1 OFFSET ?4 - 1)) FROM id";
  const std::int64_t first = next_->block * kBlockScans;
  const std::int64_t scan_count =
      sql_.number("SELECT count(*) FROM scan WHERE scan_id BETWEEN ?1 AND ?2", first, first + kBlockScans - 1)
          .value_or(0);
  const std::int64_t cgroups_at_once =
      std::max<std::int64_t>(kSamplesAtOnce / std::max<std::int64_t>(scan_count, 1), 1);
  return sql_.number(kEnd, first, first + kBlockScans - 1, next_->after_cgroup_id, cgroups_at_once);
}

void Archiver::make_chunks(std::int64_t to_cgroup_id) {
  static const std::string kSamples = samples_sql();
  const std::int64_t first = next_->block * kBlockScans;
  std::array<std::optional<std::int64_t>, kBlockScans> instants;
  for (Use scan = sql_.use("SELECT scan_id, started_at_us FROM scan WHERE scan_id BETWEEN ?1 AND ?2", first,
                           first + kBlockScans - 1);
       scan.step();)
    instants[static_cast<std::size_t>(scan.integer(0) - first)] = scan.number(1);

  std::map<std::int64_t, Part> parts;  // by cgroup
  for (Use row = sql_.use(kSamples, first, first + kBlockScans - 1, next_->after_cgroup_id, to_cgroup_id);
       row.step();) {
    const std::int64_t cgroup_id = row.integer(0), scan_id = row.integer(1);
    Part& part = parts.try_emplace(cgroup_id, Part{archive::Builder(cgroup_id, next_->block), {}, {}}).first->second;
    archive::Row values;
    for (std::size_t i = 0; i < archive::kColumnCount; ++i) values[i] = row.number(static_cast<int>(i) + 2);
    part.builder.add(scan_id, values);
    const auto at_us = instants[static_cast<std::size_t>(scan_id - first)];
    if (!at_us) continue;
    part.first_at_us = std::min(part.first_at_us.value_or(*at_us), *at_us);
    part.last_at_us = std::max(part.last_at_us.value_or(*at_us), *at_us);
  }
  for (const auto& [cgroup_id, part] : parts) {
    const std::string data = encoder_.encode(part.builder);
    sql_.execute(
        "INSERT OR REPLACE INTO archive_chunk (block, cgroup_id, first_scan_id, last_scan_id, first_at_us, last_at_us, "
        "sample_count, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        next_->block, cgroup_id, part.builder.first_scan_id(), part.builder.last_scan_id(), part.first_at_us,
        part.last_at_us, static_cast<std::int64_t>(part.builder.size()), Blob{data});
  }
}

}  // namespace cgmm::store
