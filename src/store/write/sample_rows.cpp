// SPDX-License-Identifier: Apache-2.0
#include "store/write/sample_rows.hpp"

#include <cstddef>
#include <string>

namespace cgmm::store {
namespace {

/// Of one statement: so many share what starting one costs. More make it no faster, only larger.
constexpr std::size_t kRowsAtOnce = 32;

/// "INSERT INTO sample (...) VALUES (?, ...), (?, ...)". OR FAIL: the transaction is rolled back anyway, so the
/// statement needs no journal of its own.
std::string append_sql(std::size_t row_count) {
  std::string columns = "scan_id, cgroup_id";
  std::string row = "(?, ?";
  for (const auto name : core::kGaugeNames) columns += ", " + std::string(name) + "_kib";
  for (const auto name : core::kCounterNames) columns += ", " + std::string(name);
  columns += ", shmem_unknown";
  for (std::size_t i = 0; i <= core::Gauges::kSize + core::Counters::kSize; ++i) row += ", ?";
  row += ")";
  std::string sql = "INSERT OR FAIL INTO sample (" + columns + ") VALUES " + row;
  for (std::size_t i = 1; i < row_count; ++i) sql += ", " + row;
  return sql;
}

void append_rows(Use use, std::int64_t scan_id, std::span<const Place> places) {
  for (const auto& [cgroup_id, row, missed_oom_kills, missed_since_us] : places) {
    use.bind(scan_id);
    use.bind(cgroup_id);
    for (std::size_t i = 0; i < core::Gauges::kSize; ++i) {
      auto bytes = row->gauges[static_cast<core::Gauge>(i)];
      if (bytes) *bytes /= 1024;
      use.bind(bytes);
    }
    core::Counters increases = row->increases;
    if (missed_oom_kills > 0) increases.add(core::Counter::oom_kills, missed_oom_kills);
    for (std::size_t i = 0; i < core::Counters::kSize; ++i) use.bind(increases[static_cast<core::Counter>(i)]);
    use.bind(row->gauges.is_no_number(core::Gauge::shmem) ? std::optional<std::int64_t>(1) : std::nullopt);
  }
  use.step();
}

}  // namespace

void append_samples(Statements& sql, std::int64_t scan_id, std::span<const Place> places) {
  static const std::string kMany = append_sql(kRowsAtOnce);
  static const std::string kOne = append_sql(1);
  for (; places.size() >= kRowsAtOnce; places = places.subspan(kRowsAtOnce))
    append_rows(sql.use(kMany), scan_id, places.first(kRowsAtOnce));
  for (; !places.empty(); places = places.subspan(1)) append_rows(sql.use(kOne), scan_id, places.first(1));
}

}  // namespace cgmm::store
