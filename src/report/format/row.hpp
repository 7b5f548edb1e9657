// SPDX-License-Identifier: Apache-2.0
#pragma once

// A row of a report's answer by the names of its columns. A column that the report's SQL does not have is an error:
// read as nothing, it would become a wrong sentence. Pure: any thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/table.hpp"
#include "report/format/layout.hpp"

namespace cgmm::report {

/// Throws std::runtime_error where the table has no such column.
inline std::size_t column_of(const core::Table& table, std::string_view column) {
  const auto found = std::ranges::find(table.columns, column);
  if (found != table.columns.end()) return static_cast<std::size_t>(found - table.columns.begin());
  throw std::runtime_error("report \"" + table.report + "\" has no column \"" + std::string(column) + "\"");
}

/// For computing. A copied file may hold any number: sums and small multiples of what is returned never overflow. No
/// time, duration or size of a sound history comes near these bounds; cells are shown as they are.
inline std::int64_t computable(std::int64_t value) {
  constexpr std::int64_t kMost = std::int64_t{1} << 58;  // the year 11 100; 256 PiB
  return std::clamp(value, -kMost, kMost);
}

/// Borrows the table. All is NULL in a row that the table does not have, and in a table without columns.
class Row {
 public:
  explicit Row(const core::Table& table, std::size_t row = 0) : table_(table), row_(row) {}

  const core::Cell& cell(std::string_view column) const {
    static const core::Cell kNull;
    if (table_.columns.empty()) return kNull;
    const std::size_t at = column_of(table_, column);
    return row_ < table_.rows.size() ? cell_at(table_.rows[row_], at) : kNull;
  }

  /// nullopt where it is no integer. What can't be is moved to the bounds of computable().
  std::optional<std::int64_t> known(std::string_view column) const {
    const auto* value = std::get_if<std::int64_t>(&cell(column));
    return value != nullptr ? std::optional(computable(*value)) : std::nullopt;
  }

  /// 0 where it is no integer.
  std::int64_t integer(std::string_view column) const { return known(column).value_or(0); }

  /// nullopt where it is no integer. Never negative: 0 for a negative one, which a damaged history holds.
  std::optional<std::uint64_t> known_bytes(std::string_view column) const {
    const auto value = known(column);
    return value ? std::optional(static_cast<std::uint64_t>(std::max<std::int64_t>(*value, 0))) : std::nullopt;
  }

  /// 0 where it is not known.
  std::uint64_t bytes(std::string_view column) const { return known_bytes(column).value_or(0); }

  /// "" where it is no text.
  std::string text(std::string_view column) const {
    const auto* value = std::get_if<std::string>(&cell(column));
    return value != nullptr ? *value : "";
  }

 private:
  const core::Table& table_;
  std::size_t row_;
};

/// All rows of the table, which must outlive the result.
inline auto rows_of(const core::Table& table) {
  return std::views::iota(std::size_t{0}, table.rows.size()) |
         std::views::transform([&table](std::size_t row) { return Row(table, row); });
}

}  // namespace cgmm::report
