// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/units.hpp"
#include "report/format/escape.hpp"
#include "report/format/layout.hpp"

// Text for a terminal, where nothing is truncated (the terminal wraps a long name); and GitHub-flavoured Markdown.

namespace cgmm::report {
namespace {

constexpr std::string_view kGap = "  ";
constexpr std::size_t kMostPadded = 200;  // one endless name does not stretch the lines of all others

std::string painted(std::string_view colour, std::string_view text, const Style& style) {
  if (!style.colour || text.empty()) return std::string(text);
  return std::string(colour) + std::string(text) + "\x1b[0m";
}

std::string left_aligned(std::string_view text, std::size_t width) {
  const std::size_t taken = display_width(text);
  return std::string(text) + std::string(width > taken ? width - taken : 0, ' ');
}

std::vector<std::size_t> widths_of(const HumanTable& table) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < table.headings.size(); ++i) {
    std::size_t width = table.is_upright ? 0 : display_width(table.headings[i]);
    for (const auto& row : table.rows) width = std::max(width, display_width(row[i]));
    widths.push_back(table.right_aligned[i] ? width : std::min(width, kMostPadded));
  }
  return widths;
}

std::string line(const std::vector<std::string>& cells, const HumanTable& table,
                 const std::vector<std::size_t>& widths) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool last = i + 1 == cells.size();
    if (i > 0) out += kGap;
    out += table.right_aligned[i] ? right_aligned(cells[i], widths[i]) : left_aligned(cells[i], last ? 0 : widths[i]);
  }
  return out;
}

std::string markdown_line(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const std::string& cell : cells) out += " " + escape_markdown(cell) + " |";
  return out + '\n';
}

}  // namespace

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (; count > 0; --count) out += text;
  return out;
}

std::string more_rows_text(const core::Table& table) {
  if (table.more_rows == 0) return "";
  return "... and " + base::counted(table.more_rows, "more row") +
         ": --format csv or --format json has all; a later --since, an earlier --until or a LIMIT asks for fewer";
}

std::string bold(std::string_view text, const Style& style) { return painted("\x1b[1m", text, style); }

std::string dim(std::string_view text, const Style& style) { return painted("\x1b[2m", text, style); }

std::string text_title(std::string_view title, const Style& style) { return bold(title, style) + "\n\n"; }

std::string markdown_title(std::string_view title) { return "## " + escape_markdown(title) + "\n\n"; }

std::string render_text(const core::Table& table, const Style& style) {
  const HumanTable human = humanise(table);
  std::string out = human.title.empty() ? "" : text_title(human.title, style);
  if (human.rows.empty()) return out + dim("(none)", style) + '\n';
  const std::vector<std::size_t> widths = widths_of(human);
  if (human.is_upright) {
    for (const auto& row : human.rows) {
      out += bold(left_aligned(row[0] + ":", widths[0] + 1), style) + std::string(kGap) + row[1] + '\n';
    }
    return out;
  }
  std::vector<std::string> rules;
  for (const std::size_t width : widths) rules.push_back(repeated("─", width));
  out += bold(line(human.headings, human, widths), style) + '\n' + dim(line(rules, human, widths), style) + '\n';
  for (const auto& row : human.rows) out += line(row, human, widths) + '\n';
  return table.more_rows == 0 ? out : out + more_rows_text(table) + '\n';
}

std::string render_markdown(const core::Table& table, const Style&) {
  const HumanTable human = humanise(table);
  std::string out = human.title.empty() ? "" : markdown_title(human.title);
  if (human.rows.empty()) return out + "(none)\n";
  out += markdown_line(human.headings) + "|";
  for (const bool right : human.right_aligned) out += right ? " ---: |" : " --- |";
  out += '\n';
  for (const auto& row : human.rows) out += markdown_line(row);
  return table.more_rows == 0 ? out : out + '\n' + more_rows_text(table) + '\n';
}

}  // namespace cgmm::report
