// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the formats share, and each format's own function. Pure: any thread.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "report/format/render.hpp"

namespace cgmm::report {

/// How a column becomes narrower: a number does not, a name is cut in the middle, words wrap.
enum class ColumnKind { number, name, words };

/// A table as a person reads it, for text, Markdown and HTML: every string is safe for a terminal.
struct HumanTable {
  std::string title;
  std::vector<std::string> headings;
  std::vector<bool> right_aligned;  // numbers, whatever their unit
  std::vector<ColumnKind> kinds;
  std::vector<std::size_t> by_importance;       // columns, the most important first
  std::vector<std::vector<std::string>> rows;   // each as long as `headings`
  std::vector<std::vector<std::string>> exact;  // texts and integers as they are, not safe; "" of other cells
  std::vector<std::vector<bool>> alarms;        // cells that tell of a failure
  bool is_upright = false;                      // the columns of one wide row, as name and value
};

/// `may_be_upright`: one wide row is read down.
HumanTable humanise(const core::Table& table, bool may_be_upright = true);

/// The columns of its one row, as name and value.
HumanTable upright(const HumanTable& table);

/// The column that says in words when a column with microseconds since 1970 was: "started_at" of "started_at_us",
/// "until" of "until_us". nullopt: the column is no time.
std::optional<std::string> time_column_of(std::string_view column);

/// Whether the cell tells of something that went wrong.
bool is_alarm(std::string_view column, const core::Cell& cell);

/// The cell in `column`; NULL where the row is too short.
const core::Cell& cell_at(const std::vector<core::Cell>& row, std::size_t column);

/// `table` with these columns only, in this order. Throws std::runtime_error where it has no such column.
core::Table only(const core::Table& table, std::string title, const std::vector<std::string_view>& columns);

/// The shortest decimal that reads back as the same number.
std::string exact_number(double value);

/// With so many decimals at most: "12.3", "12".
std::string decimal(double value, int most_decimals);

/// That rows were left out of a table for people, and where they are. "": it has all.
std::string more_rows_text(const core::Table& table);

std::string repeated(std::string_view text, std::size_t count);
std::string bold(std::string_view text, const Style& style);
std::string dim(std::string_view text, const Style& style);
std::string alarming(std::string_view text, const Style& style);

/// What stands over a table, with the empty line below it. `title` is safe for a terminal.
std::string text_title(std::string_view title, const Style& style);
std::string markdown_title(std::string_view title);

std::string render_text(const core::Table& table, const Style& style);
std::string render_markdown(const core::Table& table, const Style& style);
std::string render_html(const core::Table& table, const Style& style);
std::string render_html(std::span<const core::Table> tables);
std::string render_csv(const core::Table& table, const Style& style);
std::string render_json(const core::Table& table, const Style& style);
std::string render_ndjson(const core::Table& table, const Style& style);
std::string render_json(std::span<const core::Table> tables);

/// An object with a value for each key, in this order.
nlohmann::ordered_json json_row(const std::vector<std::string>& keys, const std::vector<core::Cell>& row);

}  // namespace cgmm::report
