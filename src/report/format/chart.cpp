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
#include "report/format/layout.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kNarrowest = 32;  // the labels need this much
constexpr std::size_t kHighest = 100;
constexpr std::array<std::string_view, 9> kBlocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

using Columns = std::vector<std::optional<double>>;

/// The column of a time, in a chart of `count` columns from `first_at_us` to `last_at_us`.
std::size_t column_of(std::int64_t at_us, std::span<const ChartPoint> points, std::size_t count) {
  const auto first_us = static_cast<double>(points.front().at_us);
  const double range_us = std::max(static_cast<double>(points.back().at_us) - first_us, 1.0);
  const double share = (static_cast<double>(at_us) - first_us) / range_us;
  return static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(count - 1));
}

/// One value for each column. A column between two points shows the earlier one.
Columns spread(std::span<const ChartPoint> points, std::size_t count) {
  Columns columns(count);
  std::optional<double> held;
  std::size_t next = 0;  // the first column without a point so far
  for (const ChartPoint& point : points) {
    const std::size_t column = column_of(point.at_us, points, count);
    for (; next < column; ++next) columns[next] = held;
    held = drawable(point);
    columns[column] = std::max(columns[column], held);
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

/// The begin and the end; the middle too where there is room, and the end on a line of its own where there is little.
std::string time_axis(std::int64_t first_at_us, std::int64_t last_at_us, std::size_t width, const std::string& margin) {
  const std::string first = base::format_utc(first_at_us), last = base::format_utc(last_at_us);
  if (first_at_us == last_at_us) return margin + first;
  if (width <= first.size() + last.size()) return margin + first + "\n" + margin + right_aligned(last, width);
  const std::string middle = base::format_utc(std::midpoint(first_at_us, last_at_us));
  const std::size_t middle_end = (width + middle.size()) / 2;
  if (middle_end < first.size() + middle.size() + 2) return margin + first + right_aligned(last, width - first.size());
  return margin + first + right_aligned(middle, middle_end - first.size()) + right_aligned(last, width - middle_end);
}

/// "▲ kill" below its column, or "kill ▲" if that would not fit.
std::string kill_line(std::size_t column, std::size_t width) {
  constexpr std::string_view kAfter = "▲ kill", kBefore = "kill ▲";
  const bool fits = column + display_width(kAfter) <= width;
  return std::string(fits ? column : column + 1 - display_width(kBefore), ' ') + std::string(fits ? kAfter : kBefore);
}

}  // namespace

std::optional<double> drawable(const ChartPoint& point) {
  if (!point.value || !std::isfinite(*point.value)) return std::nullopt;
  return std::clamp(*point.value, 0.0, 1e19);
}

std::optional<double> largest(std::span<const ChartPoint> points) {
  std::optional<double> value;
  for (const ChartPoint& point : points) value = std::max(value, drawable(point));
  return value;
}

std::vector<ChartPoint> thinned(std::span<const ChartPoint> points, std::int64_t from_at_us, std::int64_t to_at_us,
                                int stretches) {
  const double from_us = static_cast<double>(from_at_us),
               stretch_us = (static_cast<double>(to_at_us) - from_us) / stretches;
  const auto stretch_of = [&](const ChartPoint& one) {
    return std::floor((static_cast<double>(one.at_us) - from_us) / stretch_us);
  };
  std::vector<ChartPoint> kept;
  for (auto first = points.begin(), last = first; first != points.end(); first = last) {
    last = std::find_if(first, points.end(), [&](const auto& one) { return stretch_of(one) != stretch_of(*first); });
    std::vector<ChartPoint> known;
    std::copy_if(first, last, std::back_inserter(known), [](const auto& one) { return one.value.has_value(); });
    if (!first->value) kept.push_back(*first);
    if (known.empty()) continue;
    const auto [smallest, largest] = std::ranges::minmax_element(known, {}, &ChartPoint::value);
    kept.push_back(*std::min(smallest, largest));
    if (smallest->value != largest->value) kept.push_back(*std::max(smallest, largest));
    if (!(last - 1)->value) kept.push_back(*(last - 1));
  }
  return kept;
}

std::string chart(std::string_view title, std::span<const ChartPoint> points, std::size_t height, const Style& style,
                  const ChartMarks& marks) {
  std::string out = title.empty() ? "" : text_title(base::escape_for_terminal(title), style);
  if (!out.empty()) out.pop_back();  // no empty line
  const auto most = largest(points);
  if (!most) return out + "(no samples)\n";
  const double top = std::max({*most, marks.top.value_or(1), 1.0});

  height = std::clamp<std::size_t>(height, 1, kHighest);
  const double row_bytes = top / static_cast<double>(height);
  std::vector<std::string> labels(height);  // each at the upper edge of its row
  labels[0] = size_text(top);
  if (height >= 3) labels[height / 2] = size_text(row_bytes * static_cast<double>(height - height / 2));
  const std::size_t label_width = std::max(labels[0].size(), labels[height / 2].size());
  const std::size_t width = std::max(style.width, kNarrowest) - label_width - 2;  // a space and the axis
  const Columns columns = spread(points, width);
  for (std::size_t row = 0; row < height; ++row) {
    out += right_aligned(labels[row], label_width) + ' ' + dim(labels[row].empty() ? "│" : "┤", style);
    for (const auto& value : columns) {
      const std::string_view drawn = block(value, row_bytes, height - 1 - row);
      const bool is_line = row == 0 && marks.has_line && drawn == kBlocks[0];
      out += is_line ? "▔" : drawn;
    }
    out += '\n';
  }
  const std::string margin(label_width + 2, ' ');
  out += right_aligned("0 B", label_width) + ' ' + dim("└" + repeated("─", width), style) + '\n';
  if (marks.kill_at_us) {
    const std::size_t column = column_of(*marks.kill_at_us, points, width);
    out += margin + alarming(kill_line(column, width), style) + '\n';
  }
  return out + time_axis(points.front().at_us, points.back().at_us, width, margin) + '\n';
}

}  // namespace cgmm::report
