// SPDX-License-Identifier: Apache-2.0
#pragma once

// A row of a query's answer by the names of its columns, for what is said in words about it. Pure: any
// thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/table.hpp"
#include "report/layout.hpp"

namespace cgmm::report {

/// Borrows the table. A column or a row that is missing is as one that holds NULL.
class Row {
 public:
  explicit Row(const core::Table& table, std::size_t row = 0) : table_(table), row_(row) {}

  const core::Cell& cell(std::string_view column) const {
    static const core::Cell kNull;
    const auto at = std::ranges::find(table_.columns, column) - table_.columns.begin();
    return row_ < table_.rows.size() ? cell_at(table_.rows[row_], static_cast<std::size_t>(at)) : kNull;
  }

  /// 0 where it is no integer.
  std::int64_t integer(std::string_view column) const {
    const auto* value = std::get_if<std::int64_t>(&cell(column));
    return value != nullptr ? *value : 0;
  }

  /// Never negative: 0 where it is no integer, or a negative one that a damaged history holds.
  std::uint64_t bytes(std::string_view column) const { return known_bytes(column).value_or(0); }

  /// nullopt where it is no integer.
  std::optional<std::uint64_t> known_bytes(std::string_view column) const {
    const auto* value = std::get_if<std::int64_t>(&cell(column));
    if (value == nullptr) return std::nullopt;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(*value, 0));
  }

  /// "" where it is no text.
  std::string text(std::string_view column) const {
    const auto* value = std::get_if<std::string>(&cell(column));
    return value != nullptr ? *value : "";
  }

 private:
  const core::Table& table_;
  std::size_t row_;
};

}  // namespace cgmm::report
