// SPDX-License-Identifier: Apache-2.0
#include "store/write/sample_rows.hpp"

#include <cstddef>
#include <string>

#include "store/statement.hpp"

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
  for (std::size_t i = 0; i < core::Gauges::kSize + core::Counters::kSize; ++i) row += ", ?";
  row += ")";
  std::string sql = "INSERT OR FAIL INTO sample (" + columns + ") VALUES " + row;
  for (std::size_t i = 1; i < row_count; ++i) sql += ", " + row;
  return sql;
}

void append_rows(SQLite::Statement& statement, std::int64_t scan_id, const core::ScanRow* rows,
                 std::span<const Place> places) {
  Use use(statement);
  for (const Place& place : places) {
    const core::ScanRow& row = rows[place.index];
    use.bind(scan_id);
    use.bind(place.cgroup_id);
    for (std::size_t i = 0; i < core::Gauges::kSize; ++i) {
      auto bytes = row.gauges[static_cast<core::Gauge>(i)];
      if (bytes) *bytes /= 1024;
      use.bind(bytes);
    }
    for (std::size_t i = 0; i < core::Counters::kSize; ++i) use.bind(row.increases[static_cast<core::Counter>(i)]);
  }
  use.step();
}

}  // namespace

SampleRows::SampleRows(SQLite::Database& database)
    : append_many_(database, append_sql(kRowsAtOnce)), append_one_(database, append_sql(1)) {}

void SampleRows::append(std::int64_t scan_id, const core::ScanRow* rows, std::span<const Place> places) {
  for (; places.size() >= kRowsAtOnce; places = places.subspan(kRowsAtOnce))
    append_rows(append_many_, scan_id, rows, places.first(kRowsAtOnce));
  for (; !places.empty(); places = places.subspan(1)) append_rows(append_one_, scan_id, rows, places.first(1));
}

}  // namespace cgmm::store
