// SPDX-License-Identifier: Apache-2.0
#include "report/format/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/escape.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kNarrowest = 40;  // the labels need this much
constexpr std::size_t kHighest = 100;
constexpr std::array<std::string_view, 9> kBlocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

using Columns = std::vector<std::optional<double>>;

std::optional<double> drawable(const ChartPoint& point) {
  if (!point.value || !std::isfinite(*point.value)) return std::nullopt;
  return std::max(*point.value, 0.0);
}

/// The column of a time, in a chart of `count` columns from `first_at_us` to `last_at_us`.
std::size_t column_of(std::int64_t at_us, std::int64_t first_at_us, std::int64_t last_at_us, std::size_t count) {
  const double range_us = std::max(static_cast<double>(last_at_us) - static_cast<double>(first_at_us), 1.0);
  const double share = (static_cast<double>(at_us) - static_cast<double>(first_at_us)) / range_us;
  return static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(count - 1));
}

/// One value for each column. A column between two points shows the earlier one.
Columns spread(std::span<const ChartPoint> points, std::size_t count) {
  Columns columns(count);
  std::optional<double> held;
  std::size_t next = 0;  // the first column without a point so far
  for (const ChartPoint& point : points) {
    const std::size_t column = column_of(point.at_us, points.front().at_us, points.back().at_us, count);
    for (; next < column; ++next) columns[next] = held;
    held = drawable(point);
    const bool larger = held && columns[column].value_or(-1) < *held;
    if (larger) columns[column] = held;
    next = std::max(next, column + 1);
  }
  for (; next < count; ++next) columns[next] = held;
  return columns;
}

std::string_view block(std::optional<double> value, double scale, std::size_t row_from_bottom) {
  if (!value) return kBlocks[0];
  const double eighths = *value / scale * 8 - static_cast<double>(row_from_bottom) * 8;
  // A sample of 0 must look different from no sample: the lowest row always shows something.
  const double least = row_from_bottom == 0 ? 1 : 0;
  return kBlocks[static_cast<std::size_t>(std::clamp(std::round(eighths), least, 8.0))];
}

std::string dim(std::string_view text, const Style& style) {
  return style.colour ? "\x1b[2m" + std::string(text) + "\x1b[0m" : std::string(text);
}

std::string right_aligned(std::string_view text, std::size_t width) {
  const std::size_t taken = display_width(text);
  return std::string(width > taken ? width - taken : 0, ' ') + std::string(text);
}

/// The label of a row: only the first row and the middle one have one, at their upper edge.
std::vector<std::string> row_labels(double top, std::size_t height) {
  std::vector<std::string> labels(height);
  const auto label = [&](std::size_t row) {
    const double at_edge = top * static_cast<double>(height - row) / static_cast<double>(height);
    labels[row] = base::format_bytes(static_cast<std::uint64_t>(std::min(at_edge, 9e18)));
  };
  label(0);
  if (height >= 3) label(height / 2);
  return labels;
}

std::string time_axis(std::int64_t first_at_us, std::int64_t last_at_us, std::size_t indent, std::size_t width) {
  const std::string margin(indent, ' ');
  const std::string first = base::format_utc(first_at_us);
  const std::string last = base::format_utc(last_at_us);
  if (first_at_us == last_at_us) return margin + first + '\n';
  if (width < first.size() + last.size() + 2) {
    return margin + first + '\n' + margin + right_aligned(last, width) + '\n';
  }
  const std::string middle = base::format_utc(std::midpoint(first_at_us, last_at_us));
  const std::size_t before = (width - middle.size()) / 2;
  if (before < first.size() + 2) return margin + first + right_aligned(last, width - first.size()) + '\n';
  return margin + first + right_aligned(middle, before + middle.size() - first.size()) +
         right_aligned(last, width - before - middle.size()) + '\n';
}

/// Draws the line of a limit at the upper edge of the top row, where that row is empty.
std::string_view top_block(std::optional<double> value, double scale, std::size_t row_from_bottom, bool has_line) {
  constexpr std::string_view kUpperEdge = "▔";
  const std::string_view drawn = block(value, scale, row_from_bottom);
  return has_line && drawn == kBlocks[0] ? kUpperEdge : drawn;
}

/// "▲ kill" below its column, or "kill ▲" if that would not fit.
std::string mark_line(const ChartMarks& marks, std::size_t column, std::size_t indent, std::size_t width) {
  const std::string label(marks.label);
  const std::size_t taken = display_width(label) + 1;
  const bool fits_right = column + 1 + taken <= width;
  const std::size_t before = indent + (fits_right || column < taken ? column : column - taken);
  return std::string(before, ' ') + (fits_right || column < taken ? "▲ " + label : label + " ▲") + '\n';
}

/// The largest value that can be drawn; nullopt: none.
std::optional<double> largest(std::span<const ChartPoint> points) {
  std::optional<double> top;
  for (const ChartPoint& point : points) {
    if (const auto value = drawable(point)) top = std::max(top.value_or(1), *value);
  }
  return top;
}

std::string axis_line(std::size_t label_width, std::size_t width, const Style& style) {
  std::string axis = "└";
  for (std::size_t i = 0; i < width; ++i) axis += "─";
  return right_aligned("0 B", label_width) + ' ' + dim(axis, style) + '\n';
}

}  // namespace

std::string chart(std::string_view title, std::span<const ChartPoint> points, std::size_t height, const Style& style,
                  const ChartMarks& marks) {
  const std::string safe_title = base::escape_for_terminal(title);
  std::string out = style.colour && !safe_title.empty() ? "\x1b[1m" + safe_title + "\x1b[0m" : safe_title;
  if (!out.empty()) out += '\n';
  const auto highest = largest(points);
  if (!highest) return out + "(no samples)\n";
  const double top = std::max(*highest, marks.top.value_or(1));

  height = std::clamp<std::size_t>(height, 1, kHighest);
  const std::vector<std::string> labels = row_labels(top, height);
  std::size_t label_width = std::string_view("0 B").size();
  for (const std::string& label : labels) label_width = std::max(label_width, display_width(label));
  const std::size_t width = std::max(style.width, kNarrowest) - label_width - 2;  // a space and the axis
  const Columns columns = spread(points, width);
  for (std::size_t row = 0; row < height; ++row) {
    const bool has_line = row == 0 && marks.has_line && marks.top.value_or(0) >= top;
    out += right_aligned(labels[row], label_width) + ' ' + dim(labels[row].empty() ? "│" : "┤", style);
    for (const auto& value : columns)
      out += top_block(value, top / static_cast<double>(height), height - 1 - row, has_line);
    out += '\n';
  }
  out += axis_line(label_width, width, style);
  const std::int64_t first_at_us = points.front().at_us;
  const std::int64_t last_at_us = points.back().at_us;
  if (marks.at_us)
    out += mark_line(marks, column_of(*marks.at_us, first_at_us, last_at_us, width), label_width + 2, width);
  return out + time_axis(first_at_us, last_at_us, label_width + 2, width);
}

}  // namespace cgmm::report
