// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kWidestFlatSingleRow = 8;

enum class Unit { none, bytes, kib, byte_seconds, duration_us, instant_us, percent };

struct Suffix {
  std::string_view text;
  Unit unit;
  std::string_view in_heading;  // what the heading shows instead
};

// The first that fits counts. One without a leading underscore must be the whole name. The schema has one time without
// _at, cooldown.until_us; so have the parameters of a report.
constexpr std::array kSuffixes = std::to_array<Suffix>({
    {"_at_us", Unit::instant_us, "_at"},
    {"at_us", Unit::instant_us, "at"},
    {"until_us", Unit::instant_us, "until"},
    {"since_us", Unit::instant_us, "since"},
    {"_us", Unit::duration_us, ""},
    {"_bytes", Unit::bytes, ""},
    {"_byte_seconds", Unit::byte_seconds, ""},
    {"_kib", Unit::kib, ""},
    {"_pct", Unit::percent, ""},
});

const Suffix* suffix_of(std::string_view column) {
  for (const Suffix& suffix : kSuffixes) {
    const bool fits = suffix.text.starts_with('_') ? column.ends_with(suffix.text) : column == suffix.text;
    if (fits) return &suffix;
  }
  return nullptr;
}

/// Digits that do not depend on the locale.
std::string fixed(double value, int decimals) {
  std::array<char, 400> digits;  // the largest double has 309 digits before the point
  const auto end = std::to_chars(digits.begin(), digits.end(), value, std::chars_format::fixed, decimals).ptr;
  return {digits.begin(), end};
}

std::string plain_number(double value) {
  const bool is_long = !std::isfinite(value) || std::abs(value) >= 1e15 || (value != 0 && std::abs(value) < 0.01);
  return is_long ? exact_number(value) : decimal(value, 2);
}

/// A share just under 100 is not rounded to 100.
std::string percentage(double value) {
  if (value < 100 && value > 99.9) value = 99.9;
  return (value == 100 ? "100" : fixed(value, 1)) + " %";
}

std::string size(std::int64_t bytes) {
  const auto amount = static_cast<std::uint64_t>(bytes);
  return bytes < 0 ? "-" + base::format_bytes(0 - amount) : base::format_bytes(amount);
}

std::string human_integer(Unit unit, std::int64_t value) {
  constexpr std::int64_t kMost_kib = std::numeric_limits<std::int64_t>::max() / 1024, kHour_s = 3600;
  switch (unit) {
    case Unit::bytes:
      return size(value);
    case Unit::kib:
      return value > kMost_kib || value < -kMost_kib ? std::to_string(value) : size(value * 1024);
    case Unit::byte_seconds:  // "1.5 GiB·h" is 1.5 GiB for an hour, or 3 GiB for half an hour
      return size(value / kHour_s + (value % kHour_s * 2) / kHour_s) + "·h";
    case Unit::duration_us:
      return base::format_duration_us(value);
    case Unit::instant_us:
      return base::format_utc(value);
    case Unit::percent:
      return percentage(static_cast<double>(value));
    case Unit::none:
      break;
  }
  return std::to_string(value);
}

std::string human_real(Unit unit, double value) {
  const double whole = unit == Unit::kib ? value * 1024 : value;
  if (unit == Unit::none || !std::isfinite(value) || std::abs(whole) >= 9e18) return plain_number(value);
  if (unit == Unit::percent) return percentage(value);
  return human_integer(unit == Unit::kib ? Unit::bytes : unit, std::llround(whole));
}

/// Columns with words of the schema, such as "anon_growth". Other texts are names, which may contain '_'.
bool is_code(std::string_view column) { return column == "cause" || column == "causes"; }

/// Whether all cells are numbers or NULL, and at least one is a number.
bool holds_numbers(const core::Table& table, std::size_t column) {
  bool any = false;
  for (const auto& row : table.rows) {
    const core::Cell& cell = cell_at(row, column);
    if (std::holds_alternative<std::string>(cell)) return false;
    any = any || !std::holds_alternative<std::monostate>(cell);
  }
  return any;
}

/// A column's name without its unit and underscores: "freed_bytes" is "freed", "started_at_us" is "started at".
std::string heading(std::string_view column) {
  std::string text(column);
  if (const Suffix* suffix = suffix_of(column)) {
    text.replace(text.size() - suffix->text.size(), suffix->text.size(), suffix->in_heading);
  }
  std::ranges::replace(text, '_', ' ');
  return base::escape_for_terminal(text.empty() ? column : std::string_view(text));
}

}  // namespace

std::string exact_number(double value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  return {digits.begin(), end};
}

const core::Cell& cell_at(const std::vector<core::Cell>& row, std::size_t column) {
  static const core::Cell kNull;
  return column < row.size() ? row[column] : kNull;
}

std::string decimal(double value, int most_decimals) {
  std::string text = fixed(value, most_decimals);
  if (text.find('.') != std::string::npos) text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

core::Table only(const core::Table& table, std::string title, std::span<const std::string_view> columns) {
  core::Table result{.title = std::move(title), .columns = {columns.begin(), columns.end()}, .rows = {}};
  for (const Row row : rows_of(table)) {
    auto& cells = result.rows.emplace_back();
    for (const std::string_view column : columns) cells.push_back(row.cell(column));
  }
  return result;
}

std::string human_cell(std::string_view column, const core::Cell& cell) {
  const Suffix* suffix = suffix_of(column);
  const Unit unit = suffix != nullptr ? suffix->unit : Unit::none;
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return human_integer(unit, *integer);
  if (const auto* real = std::get_if<double>(&cell)) return human_real(unit, *real);
  const auto* const text = std::get_if<std::string>(&cell);
  if (text == nullptr) return "-";
  std::string words = *text;
  if (is_code(column)) std::ranges::replace(words, '_', ' ');
  return base::escape_for_terminal(words);
}

HumanTable humanise(const core::Table& table) {
  const bool has_name = std::ranges::find(table.columns, "cgroup") != table.columns.end();
  HumanTable human{.title = base::escape_for_terminal(table.title), .headings = {}, .right_aligned = {}, .rows = {}};
  human.rows.resize(table.rows.size());
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& column = table.columns[i];
    if (has_name && column == "path") continue;  // wider than a screen; the name tells the same
    human.headings.push_back(heading(column));
    human.right_aligned.push_back(holds_numbers(table, i));
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      human.rows[row].push_back(human_cell(column, cell_at(table.rows[row], i)));
    }
  }
  if (human.rows.size() != 1 || human.headings.size() <= kWidestFlatSingleRow) return human;
  HumanTable upright{.title = human.title,
                     .headings = {"what", "value"},
                     .right_aligned = {false, false},
                     .rows = {},
                     .is_upright = true};
  for (std::size_t i = 0; i < human.headings.size(); ++i) upright.rows.push_back({human.headings[i], human.rows[0][i]});
  return upright;
}

}  // namespace cgmm::report
