// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/layout.hpp"

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
  if (!std::isfinite(value) || std::abs(value) >= 1e15 || (value != 0 && std::abs(value) < 0.01)) {
    return exact_number(value);
  }
  std::string text = fixed(value, 2);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

/// A share just under 100 is not rounded to 100.
std::string percentage(double value) {
  if (value < 100 && value > 99.9) value = 99.9;
  return (value == 100 ? "100" : fixed(value, 1)) + " %";
}

std::string size(std::int64_t value, std::uint64_t unit_bytes) {
  const bool negative = value < 0;
  const std::uint64_t amount = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  if (amount > std::numeric_limits<std::uint64_t>::max() / unit_bytes) return std::to_string(value);
  return (negative ? "-" : "") + base::format_bytes(amount * unit_bytes);
}

/// Memory times time. "1.5 GiB·h" is 1.5 GiB for an hour, or 3 GiB for half an hour.
std::string size_times_hours(std::int64_t byte_seconds) {
  constexpr std::int64_t kHour = 3600;
  return size(byte_seconds / kHour + (byte_seconds % kHour * 2) / kHour, 1) + "·h";
}

std::string human_integer(Unit unit, std::int64_t value) {
  switch (unit) {
    case Unit::bytes:
      return size(value, 1);
    case Unit::kib:
      return size(value, 1024);
    case Unit::byte_seconds:
      return size_times_hours(value);
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
  if (unit == Unit::none || !std::isfinite(value) || std::abs(value) >= 9e18) return plain_number(value);
  if (unit == Unit::percent) return percentage(value);
  const double factor = unit == Unit::kib ? 1024 : 1;
  if (std::abs(value * factor) >= 9e18) return plain_number(value);
  return human_integer(unit == Unit::kib ? Unit::bytes : unit, std::llround(value * factor));
}

/// Columns with words of the schema, such as "anon_growth". Other texts are names, which may contain '_'.
bool is_code(std::string_view column) { return column == "cause" || column == "causes"; }

bool is_number(const core::Cell& cell) {
  return std::holds_alternative<std::int64_t>(cell) || std::holds_alternative<double>(cell);
}

/// Whether all cells are numbers or NULL, and at least one is a number.
bool holds_numbers(const core::Table& table, std::size_t column) {
  bool any = false;
  for (const auto& row : table.rows) {
    const core::Cell& cell = cell_at(row, column);
    if (std::holds_alternative<std::string>(cell)) return false;
    any = any || is_number(cell);
  }
  return any;
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

std::string heading(std::string_view column) {
  std::string text(column);
  if (const Suffix* suffix = suffix_of(column)) {
    text.replace(text.size() - suffix->text.size(), suffix->text.size(), suffix->in_heading);
  }
  for (char& c : text) {
    if (c == '_') c = ' ';
  }
  return base::escape_for_terminal(text.empty() ? column : std::string_view(text));
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

/// People get the cgroup's name and not its path, which is wider than a screen.
core::Table without_path(const core::Table& table) {
  const auto path = std::ranges::find(table.columns, "path");
  if (path == table.columns.end() || std::ranges::find(table.columns, "cgroup") == table.columns.end()) return table;
  const auto column = path - table.columns.begin();
  core::Table result = table;
  result.columns.erase(result.columns.begin() + column);
  for (auto& row : result.rows) {
    if (row.size() > static_cast<std::size_t>(column)) row.erase(row.begin() + column);
  }
  return result;
}

HumanTable humanise(const core::Table& whole_table) {
  const core::Table table = without_path(whole_table);
  const std::size_t width = table.columns.size();
  HumanTable human{.title = base::escape_for_terminal(table.title), .headings = {}, .right_aligned = {}, .rows = {}};
  human.upright = table.rows.size() == 1 && width > kWidestFlatSingleRow;
  for (std::size_t i = 0; i < width; ++i) {
    human.headings.push_back(heading(table.columns[i]));
    human.right_aligned.push_back(holds_numbers(table, i));
  }
  for (const auto& row : table.rows) {
    std::vector<std::string>& cells = human.rows.emplace_back();
    for (std::size_t i = 0; i < width; ++i) cells.push_back(human_cell(table.columns[i], cell_at(row, i)));
  }
  return human;
}

}  // namespace cgmm::report
