// SPDX-License-Identifier: Apache-2.0
#pragma once

// The result of a query, which a report renders. It is the only thing that passes between `store` and `report`: as a
// whole, or row by row. Plain data: any thread.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cgmm::core {

/// NULL, an integer, a real number, or bytes as stored (not necessarily valid UTF-8).
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

/// Column names end in their unit (`_bytes`, `_kib`, `_us`, `_at_us`, `_pct`): renderers format values by it.
struct Table {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
  std::string report{};       // the name of the report that it answers; "": none
  std::int64_t more_rows{0};  // that were left out at the end
  bool keeps_names{false};    // for people, too: the columns are called as they are, and none is left out
  std::vector<std::string> most_important{};  // columns, in this order; the others follow
  std::string about{};                        // for people: a sentence between the title and the rows
  std::string below{};                        // for people: a remark after the rows
};

/// Takes an answer row by row.
class RowSink {
 public:
  virtual ~RowSink() = default;
  /// Before the first row; again when the answer is read anew: then what was taken so far no longer counts.
  virtual void begin(const std::vector<std::string>& columns) = 0;
  virtual void add(std::vector<Cell> row) = 0;
};

/// Keeps the first rows in `table`, and counts the others.
class FirstRows final : public RowSink {
 public:
  explicit FirstRows(std::size_t most_rows) : most_rows_(most_rows) {}
  void begin(const std::vector<std::string>& columns) override {
    table = {.title = "", .columns = columns, .rows = {}};
  }
  void add(std::vector<Cell> row) override {
    if (table.rows.size() < most_rows_) {
      table.rows.push_back(std::move(row));
    } else {
      ++table.more_rows;
    }
  }

  Table table;

 private:
  std::size_t most_rows_;
};

inline constexpr std::size_t kAllRows = std::numeric_limits<std::size_t>::max();

/// Values for the parameters of a query, by name without the leading ':'.
using Parameters = std::map<std::string, Cell, std::less<>>;

/// A text file of the source tree that was built into the program.
struct EmbeddedText {
  std::string_view name;  // without directory and extension
  std::string_view text;
};

}  // namespace cgmm::core
