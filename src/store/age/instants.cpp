// SPDX-License-Identifier: Apache-2.0
#include "store/age/instants.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kLeastScansOfHour = 60;
constexpr std::int64_t kMostBytes = 120;  // of a sample

void store(Statements& sql, archive::Encoder& encoder, std::int64_t scan_id, std::int64_t cgroup_block,
           const archive::Builder& builder) {
  const std::string data = encoder.encode(builder);
  sql.execute("INSERT OR REPLACE INTO archive_instant (scan_id, cgroup_block, data) VALUES (?, ?, ?)", scan_id,
              cgroup_block, Blob{data});
}

}  // namespace

std::string packed_columns() {
  std::string columns = "cgroup_id";
  for (const std::string_view name : archive::kColumns) columns += ", " + std::string(name);
  return columns;
}

std::vector<std::int64_t> scans_of_instants(Statements& sql, std::int64_t block) {
  std::vector<std::int64_t> scans;
  const std::int64_t first = archive::first_scan_of(block), last = archive::last_scan_of(block);
  std::int64_t scan_count = 0;
  for (Use hour = sql.use("SELECT min(started_at_us), count(*) FROM scan WHERE scan_id BETWEEN ? AND ? AND is_partial "
                          "IS NOT 1 GROUP BY started_at_us / 3600000000",
                          first, last);
       hour.step();) {
    const std::int64_t at_us = hour.integer(0);
    scan_count += hour.integer(1);
    // In the block before this one, the hour may have begun.
    const auto scan_id = sql.number(
        "SELECT scan_id FROM scan WHERE started_at_us >= ? AND is_partial IS NOT 1 ORDER BY started_at_us LIMIT 1",
        at_us / base::kHour_us * base::kHour_us);
    if (scan_id && archive::block_of(*scan_id) == block) scans.push_back(*scan_id);
  }
  const auto hours = static_cast<std::int64_t>(scans.size());
  if (scan_count < kLeastScansOfHour * hours) scans.clear();
  return scans;
}

void keep_instant(Statements& sql, archive::Encoder& encoder, std::int64_t scan_id, std::int64_t room_bytes) {
  const auto sample_count = sql.number("SELECT count(*) FROM sample WHERE scan_id = ?", scan_id).value_or(0);
  if (sample_count > room_bytes / kMostBytes) return;
  static const std::string kSamples =
      "SELECT " + packed_columns() + " FROM sample WHERE scan_id = ? ORDER BY cgroup_id";
  std::optional<archive::Builder> builder;
  std::int64_t block = 0;
  for (Use row = sql.use(kSamples, scan_id); row.step();) {
    const std::int64_t cgroup_id = row.integer(0);
    if (!builder || archive::block_of(cgroup_id) != block) {
      if (builder) store(sql, encoder, scan_id, block, *builder);
      block = archive::block_of(cgroup_id);
      builder.emplace(scan_id, block);
    }
    archive::Row values;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = row.number(static_cast<int>(i) + 1);
    builder->add(cgroup_id, values);
  }
  if (builder) store(sql, encoder, scan_id, block, *builder);
}

void drop_instants_of_block(Statements& sql, std::int64_t block) {
  sql.execute("DELETE FROM archive_instant WHERE scan_id BETWEEN ? AND ?", archive::first_scan_of(block),
              archive::last_scan_of(block));
}

void drop_instants_of_cgroup(Statements& sql, std::int64_t cgroup_id, std::int64_t from_us, std::int64_t to_us) {
  sql.execute(
      "DELETE FROM archive_instant WHERE scan_id IN (SELECT scan_id FROM archive_instant WHERE cgroup_block = ?1 AND "
      "scan_id IN (SELECT scan_id FROM scan WHERE started_at_us BETWEEN ?2 AND ?3))",
      archive::block_of(cgroup_id), from_us, to_us);
}

}  // namespace cgmm::store
