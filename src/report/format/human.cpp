// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kWidestFlatSingleRow = 8;

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

/// "1.5 GiB·h" is 1.5 GiB for an hour, or 3 GiB for half an hour.
std::string byte_hours(double byte_seconds) { return size_text(byte_seconds / 3600) + "·h"; }

std::string bytes_a_second(double rate) { return size_text(rate) + "/s"; }

std::int64_t whole(double value) { return std::llround(std::clamp(value, -9.2e18, 9.2e18)); }
std::string time_text(double at_us) { return base::format_time(whole(at_us)); }
std::string duration(double us) { return base::format_duration_us(whole(us)); }

struct Suffix {
  std::string_view text;
  std::string_view in_heading;  // what the heading shows instead
  std::string (*in_words)(double value);
  double factor = 1;
};

// The first that fits counts. One without a leading underscore must be the whole name. The schema has one time without
// _at, cooldown.until_us; so have the parameters of a report.
constexpr std::array kSuffixes = std::to_array<Suffix>({
    {"_at_us", "_at", time_text},
    {"_since_us", "_since", time_text},
    {"at_us", "at", time_text},
    {"until_us", "until", time_text},
    {"since_us", "since", time_text},
    {"_us", "", duration},
    {"_bytes", "", size_text},
    {"_bytes_per_second", "", bytes_a_second},
    {"_byte_seconds", "", byte_hours},
    {"_kib", "", size_text, 1024},
    {"_pct", "", percentage},
});

const Suffix* suffix_of(std::string_view column) {
  const auto* const suffix = std::ranges::find_if(kSuffixes, [&](const Suffix& one) {
    return one.text.starts_with('_') ? column.ends_with(one.text) : column == one.text;
  });
  return suffix != kSuffixes.end() ? suffix : nullptr;
}

/// Columns with words of the schema, such as "anon_growth". Other texts are names, which may contain '_'.
bool is_code(std::string_view column) { return column == "cause" || column == "causes" || column == "scope"; }

/// What somebody called something: the begin and the end tell which it is. `name` is also that of a report.
ColumnKind kind_of(std::string_view column, bool is_number) {
  constexpr auto kNames = std::to_array<std::string_view>({"cgroup", "path", "workload", "pod", "container", "name"});
  if (is_number || column.ends_with("_at")) return ColumnKind::number;  // a time is not broken
  const bool is_name = std::ranges::count(kNames, column) > 0 || column.ends_with("_path") ||
                       column.ends_with("_cgroup") || column.ends_with("_comm");
  return is_name ? ColumnKind::name : ColumnKind::words;
}

/// The columns that the report names, in its order; then the others from left to right.
std::vector<std::size_t> by_importance(const std::vector<std::string_view>& columns,
                                       const std::vector<std::string>& most_important) {
  std::vector<std::size_t> order(columns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(
      order, {}, [&](std::size_t i) { return std::ranges::find(most_important, columns[i]) - most_important.begin(); });
  return order;
}

/// Whether all cells are numbers or NULL, and at least one is a number.
bool holds_numbers(const core::Table& table, std::size_t column) {
  const auto kind = [&](const std::vector<core::Cell>& row) { return cell_at(row, column).index(); };
  const std::size_t kNull = core::Cell().index(), kText = core::Cell("").index();
  return std::ranges::count(table.rows, kText, kind) == 0 &&
         std::ranges::count(table.rows, kNull, kind) < std::ssize(table.rows);
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

/// "refaulted_bytes" beside "refaulted_pct": the second is "refaulted %". "containers" beside "containers_bytes": the
/// second is "containers' memory".
void tell_shares_apart(std::vector<std::string>& headings, const std::vector<std::string_view>& columns) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].ends_with("_pct") && std::ranges::count(headings, headings[i]) > 1) headings[i] += " %";
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool is_count_beside = std::ranges::count(columns, columns[i].substr(0, columns[i].size() - 6)) > 0;
    if (columns[i].ends_with("_bytes") && is_count_beside)
      headings[i] += headings[i].ends_with('s') ? "' memory" : " memory";
  }
}

}  // namespace

std::string size_text(double bytes) {
  const double rounded = std::round(std::clamp(bytes, -1e19, 1e19));
  return (rounded < 0 ? "-" : "") + base::format_bytes(static_cast<std::uint64_t>(std::abs(rounded)));
}

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

core::Table only(const core::Table& table, std::string title, const std::vector<std::string_view>& columns) {
  core::Table result{.title = std::move(title), .columns = {columns.begin(), columns.end()}, .rows = {}};
  result.report = table.report;
  result.most_important = table.most_important;
  for (const Row row : rows_of(table)) {
    auto& cells = result.rows.emplace_back();
    for (const std::string_view column : columns) cells.push_back(row.cell(column));
  }
  return result;
}

std::string human_cell(std::string_view column, const core::Cell& cell) {
  const Suffix* const suffix = suffix_of(column);
  const auto* const integer = std::get_if<std::int64_t>(&cell);
  const auto* const real = std::get_if<double>(&cell);
  if (integer != nullptr || real != nullptr) {
    constexpr double kMost = 1e19;  // bytes beyond the range of an integer
    const double value = (real != nullptr ? *real : static_cast<double>(*integer)) * (suffix ? suffix->factor : 1);
    if (suffix != nullptr && std::abs(value) < kMost) return suffix->in_words(value);
    return real != nullptr ? plain_number(*real) : std::to_string(*integer);
  }
  const auto* const text = std::get_if<std::string>(&cell);
  if (text == nullptr) return "-";
  std::string words = *text;
  if (is_code(column)) std::ranges::replace(words, '_', ' ');
  return base::escape_for_terminal(words);
}

std::optional<std::string> time_column_of(std::string_view column) {
  const Suffix* const suffix = suffix_of(column);
  if (suffix == nullptr || suffix->in_words != time_text) return std::nullopt;
  return std::string(column.substr(0, column.size() - suffix->text.size())).append(suffix->in_heading);
}

bool is_alarm(std::string_view column, const core::Cell& cell) {
  if (const auto* const number = std::get_if<std::int64_t>(&cell)) return column == "oom_kills" && *number > 0;
  const auto* const text = std::get_if<std::string>(&cell);
  if (text == nullptr) return false;
  if (column == "state") return text->starts_with("not running") || text->find("fault") != std::string::npos;
  return (column == "outcome" || column == "verdict") && *text == "failed";
}

HumanTable upright(const HumanTable& table) {
  HumanTable upright{.title = table.title,
                     .headings = {"what", "value"},
                     .right_aligned = {false, false},
                     .kinds = {ColumnKind::words, ColumnKind::words},
                     .by_importance = {0, 1},
                     .rows = {},
                     .exact = {},
                     .alarms = {},
                     .is_upright = true};
  for (std::size_t i = 0; i < table.headings.size(); ++i) {
    upright.rows.push_back({table.headings[i], table.rows[0][i]});
    upright.exact.push_back({"", table.exact[0][i]});
    upright.alarms.push_back({false, table.alarms[0][i]});
  }
  return upright;
}

HumanTable humanise(const core::Table& table, bool may_be_upright) {
  const bool has_name = !table.keeps_names && std::ranges::any_of(table.columns, [](const std::string& column) {
    return column == "cgroup" || column == "workload" || column == "pod";
  });
  HumanTable human;
  human.title = base::escape_for_terminal(table.title);
  human.rows.resize(table.rows.size());
  human.exact.resize(table.rows.size());
  human.alarms.resize(table.rows.size());
  std::vector<std::string_view> shown;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& column = table.columns[i];
    if (has_name && column == "path") continue;  // wider than a screen; the name tells the same
    shown.push_back(column);
    human.headings.push_back(table.keeps_names ? base::escape_for_terminal(column) : heading(column));
    human.right_aligned.push_back(holds_numbers(table, i));
    human.kinds.push_back(kind_of(column, human.right_aligned.back()));
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      const core::Cell& cell = cell_at(table.rows[row], i);
      human.rows[row].push_back(human_cell(column, cell));
      const auto* const text = std::get_if<std::string>(&cell);
      const auto* const integer = std::get_if<std::int64_t>(&cell);
      human.exact[row].push_back(text != nullptr ? *text : integer != nullptr ? std::to_string(*integer) : "");
      human.alarms[row].push_back(is_alarm(column, cell));
    }
  }
  if (!table.keeps_names) tell_shares_apart(human.headings, shown);
  human.by_importance = by_importance(shown, table.most_important);
  return may_be_upright && human.rows.size() == 1 && human.headings.size() > kWidestFlatSingleRow ? upright(human)
                                                                                                  : human;
}

}  // namespace cgmm::report
