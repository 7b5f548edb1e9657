// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/units.hpp"
#include "report/format/escape.hpp"
#include "report/format/fit.hpp"
#include "report/format/layout.hpp"
#include "report/format/wrap.hpp"

// Text for a terminal, and GitHub-flavoured Markdown.

namespace cgmm::report {
namespace {

constexpr std::string_view kGap = "  ";

std::string painted(std::string_view colour, std::string_view text, const Style& style) {
  if (!style.colour || text.empty()) return std::string(text);
  return std::string(colour) + std::string(text) + "\x1b[0m";
}

std::string left_aligned(std::string_view text, std::size_t width) {
  const std::size_t taken = display_width(text);
  return std::string(text) + std::string(width > taken ? width - taken : 0, ' ');
}

/// Cells beside each other, each of one line.
std::string line(const std::vector<std::string>& cells, const HumanTable& table, const Fit& fit, const Style& style,
                 const std::vector<bool>& alarms = {}) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::size_t column = fit.columns[i];
    const bool is_last = i + 1 == cells.size();
    const std::string text = table.right_aligned[column] ? right_aligned(cells[i], fit.widths[i])
                                                         : left_aligned(cells[i], is_last ? 0 : fit.widths[i]);
    const bool is_alarm = !alarms.empty() && alarms[column];
    if (i > 0) out += kGap;
    out += is_alarm ? alarming(text, style) : text;
  }
  return out;
}

std::vector<std::string> cell_lines(const std::string& cell, ColumnKind kind, std::size_t width, const Style& style) {
  if (!style.fits || display_width(cell) <= width) return {cell};
  if (kind == ColumnKind::words) return lines_of(cell, width, LongWords::cut);
  return {shortened(cell, width, style)};
}

/// A row whose cells may have several lines. Headings stand at the bottom.
std::string row_lines(const std::vector<std::vector<std::string>>& cells, const HumanTable& table, const Fit& fit,
                      const Style& style, bool is_heading, const std::vector<bool>& alarms = {}) {
  std::size_t height = 1;
  for (const auto& cell : cells) height = std::max(height, cell.size());
  std::string out;
  for (std::size_t at = 0; at < height; ++at) {
    std::vector<std::string> parts;
    for (const auto& cell : cells) {
      const std::size_t before = is_heading ? height - cell.size() : 0;
      parts.push_back(at >= before && at - before < cell.size() ? cell[at - before] : "");
    }
    std::string text = line(parts, table, fit, style, alarms);
    if (height > 1) text.erase(text.find_last_not_of(' ') + 1);
    out += (is_heading ? bold(text, style) : text) + '\n';
  }
  return out;
}

std::string flat(const HumanTable& table, const Fit& fit, const Style& style) {
  std::vector<std::vector<std::string>> headings;
  std::vector<std::string> rules;
  for (std::size_t i = 0; i < fit.columns.size(); ++i) {
    headings.push_back(heading_lines(table.headings[fit.columns[i]], fit.widths[i]));
    for (std::string& one : headings.back()) one = shortened(one, fit.widths[i], style);
    rules.push_back(repeated(style.ascii ? "-" : "─", fit.widths[i]));
  }
  std::string out = row_lines(headings, table, fit, style, true) + dim(line(rules, table, fit, style), style) + '\n';
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    std::vector<std::vector<std::string>> cells;
    for (std::size_t i = 0; i < fit.columns.size(); ++i) {
      const std::size_t column = fit.columns[i];
      cells.push_back(cell_lines(table.rows[row][column], table.kinds[column], fit.widths[i], style));
    }
    out += row_lines(cells, table, fit, style, false, table.alarms[row]);
  }
  return out;
}

/// What was left out or cut, and how to see it.
std::string less_than_all(const Fit& fit, const Style& style) {
  if (fit.left_out.empty()) return fit.is_cut ? dim("(--wide shows long names whole)", style) + '\n' : "";
  std::string names;
  for (const std::string& one : fit.left_out) names += (names.empty() ? "" : ", ") + one;
  return wrapped("Left out for want of room: " + names + " (--wide shows all)", style);
}

/// Name and value, one pair a line; the value begins on a line of its own where there is little room.
std::string down(const HumanTable& table, const Style& style) {
  constexpr std::size_t kLeast = 16;
  std::size_t label = 0;
  for (const auto& row : table.rows) label = std::max(label, display_width(row[0]) + 1);
  const bool is_beside = !style.fits || label + kGapWidth + kLeast <= style.width;
  const std::size_t indent = is_beside ? label + kGapWidth : kGapWidth;
  std::string out;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const std::string name = table.rows[row][0] + ":", &value = table.rows[row][1];
    out += bold(is_beside ? left_aligned(name, label) : shortened(name, style.width, style), style);
    if (!is_beside) out += '\n';
    const std::size_t room = style.width - std::min(indent, style.width - 1);
    const auto lines = style.fits ? lines_of(value, room, LongWords::cut) : std::vector{value};
    for (std::size_t i = 0; i < lines.size(); ++i) {
      out += std::string(i == 0 && is_beside ? kGapWidth : indent, ' ');
      out += (table.alarms[row][1] ? alarming(lines[i], style) : lines[i]) + '\n';
    }
  }
  return out;
}

HumanTable in_ascii(HumanTable table) {
  table.title = to_ascii(table.title);
  for (std::string& heading : table.headings) heading = to_ascii(heading);
  for (auto& row : table.rows) {
    for (std::string& cell : row) cell = to_ascii(cell);
  }
  return table;
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

std::string alarming(std::string_view text, const Style& style) { return painted("\x1b[31m", text, style); }

std::string text_title(std::string_view any_title, const Style& style) {
  const std::string title = style.ascii ? to_ascii(any_title) : std::string(any_title);
  if (!style.fits) return bold(title, style) + "\n\n";
  std::string out;
  for (const std::string& one : lines_of(title, style.width, LongWords::cut)) out += bold(one, style) + '\n';
  return out + '\n';
}

std::string markdown_title(std::string_view title) { return "## " + escape_markdown(title) + "\n\n"; }

std::string render_text(const core::Table& table, const Style& style) {
  HumanTable human = style.ascii ? in_ascii(humanise(table)) : humanise(table);
  std::string out = human.title.empty() ? "" : text_title(human.title, style);
  if (!table.about.empty()) out += wrapped(table.about, style) + '\n';
  const std::string below = table.below.empty() ? "" : wrapped(table.below, style);
  if (human.rows.empty()) return out + dim("(none)", style) + '\n' + below;
  if (style.fits && human.rows.size() == 1 && !human.is_upright && full_width(human) > style.width) {
    human = upright(human);  // no column is left out
  }
  if (human.is_upright) return out + down(human, style) + below;
  const Fit how = fit(human, style);
  out += flat(human, how, style) + less_than_all(how, style);
  if (table.more_rows == 0) return out + below;
  return out + (style.fits ? wrapped(more_rows_text(table), style) : more_rows_text(table) + '\n') + below;
}

std::string render_markdown(const core::Table& table, const Style&) {
  const HumanTable human = humanise(table);
  std::string out = human.title.empty() ? "" : markdown_title(human.title);
  if (!table.about.empty()) out += markdown_sentence(table.about) + "\n\n";
  const std::string below = table.below.empty() ? "" : "\n" + markdown_sentence(table.below) + "\n";
  if (human.rows.empty()) return out + "(none)\n" + below;
  out += markdown_line(human.headings) + "|";
  for (const bool right : human.right_aligned) out += right ? " ---: |" : " --- |";
  out += '\n';
  for (const auto& row : human.rows) out += markdown_line(row);
  return (table.more_rows == 0 ? out : out + '\n' + more_rows_text(table) + '\n') + below;
}

}  // namespace cgmm::report
