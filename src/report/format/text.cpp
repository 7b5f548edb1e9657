// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "report/format/escape.hpp"
#include "report/format/layout.hpp"

// Nothing is truncated: the terminal wraps a long name.

namespace cgmm::report {
namespace {

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kGap = "  ";

std::string painted(std::string_view colour, std::string_view text, const Style& style) {
  if (!style.colour || text.empty()) return std::string(text);
  return std::string(colour) + std::string(text) + std::string(kPlain);
}

std::string padding(std::string_view text, std::size_t width) {
  const std::size_t taken = display_width(text);
  return std::string(width > taken ? width - taken : 0, ' ');
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (; count > 0; --count) out += text;
  return out;
}

std::vector<std::size_t> widths(const HumanTable& table) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < table.headings.size(); ++i) {
    std::size_t width = display_width(table.headings[i]);
    for (const auto& row : table.rows) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
  }
  return widths;
}

std::string line(const std::vector<std::string>& cells, const HumanTable& table,
                 const std::vector<std::size_t>& widths) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool last = i + 1 == cells.size();
    if (i > 0) out += kGap;
    if (table.right_aligned[i]) out += padding(cells[i], widths[i]);
    out += cells[i];
    if (!table.right_aligned[i] && !last) out += padding(cells[i], widths[i]);
  }
  return out;
}

std::string rows_across(const HumanTable& table, const Style& style) {
  const std::vector<std::size_t> column_widths = widths(table);
  std::vector<std::string> rules;
  for (const std::size_t width : column_widths) rules.push_back(repeated("─", width));
  std::string out = painted(kBold, line(table.headings, table, column_widths), style) + '\n';
  out += painted(kDim, line(rules, table, column_widths), style) + '\n';
  for (const auto& row : table.rows) out += line(row, table, column_widths) + '\n';
  return out;
}

std::string row_down(const HumanTable& table, const Style& style) {
  std::size_t width = 0;
  for (const std::string& name : table.headings) width = std::max(width, display_width(name));
  std::string out;
  for (std::size_t i = 0; i < table.headings.size(); ++i) {
    const std::string& name = table.headings[i];
    out += painted(kBold, name + ":", style) + padding(name, width) + std::string(kGap) + table.rows[0][i] + '\n';
  }
  return out;
}

}  // namespace

std::string text_title(std::string_view title, const Style& style) { return painted(kBold, title, style) + "\n\n"; }

std::string render_text(const core::Table& table, const Style& style) {
  const HumanTable human = humanise(table);
  std::string out;
  if (!human.title.empty()) out += text_title(human.title, style);
  if (human.rows.empty()) return out + painted(kDim, "(none)", style) + '\n';
  return out + (human.upright ? row_down(human, style) : rows_across(human, style));
}

}  // namespace cgmm::report
