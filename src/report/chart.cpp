// SPDX-License-Identifier: Apache-2.0
#include "report/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/text.hpp"
#include "core/units.hpp"
#include "report/escape.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kNarrowest = 40;  // below this the labels alone do not fit
constexpr std::size_t kHighest = 100;
constexpr std::array<std::string_view, 9> kBlocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

using Columns = std::vector<std::optional<double>>;

std::optional<double> drawable(const ChartPoint& point) {
  if (!point.value || !std::isfinite(*point.value)) return std::nullopt;
  return std::max(*point.value, 0.0);
}

/// One value a column. A column between two points shows the earlier one: it held until the next was taken.
Columns spread(std::span<const ChartPoint> points, std::size_t count) {
  const double first_at_us = static_cast<double>(points.front().at_us);
  const double range_us = std::max(static_cast<double>(points.back().at_us) - first_at_us, 1.0);
  Columns columns(count);
  std::optional<double> held;
  std::size_t next = 0;  // the first column that no point has reached
  for (const ChartPoint& point : points) {
    const double share = (static_cast<double>(point.at_us) - first_at_us) / range_us;
    const auto column =
        static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(count - 1));
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
  // A sample of nothing is not the same as no sample: at the bottom there is always a trace.
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

/// A label at the upper edge of the first row and of the one in the middle; the others have none.
std::vector<std::string> row_labels(double top, std::size_t height) {
  std::vector<std::string> labels(height);
  const auto label = [&](std::size_t row) {
    const double at_edge = top * static_cast<double>(height - row) / static_cast<double>(height);
    labels[row] = core::format_bytes(static_cast<std::uint64_t>(std::min(at_edge, 9e18)));
  };
  label(0);
  if (height >= 3) label(height / 2);
  return labels;
}

std::string time_axis(std::int64_t first_at_us, std::int64_t last_at_us, std::size_t indent,
                      std::size_t width) {
  const std::string margin(indent, ' ');
  const std::string first = core::format_utc(first_at_us);
  const std::string last = core::format_utc(last_at_us);
  if (first_at_us == last_at_us) return margin + first + '\n';
  if (width < first.size() + last.size() + 2) {
    return margin + first + '\n' + margin + right_aligned(last, width) + '\n';
  }
  const std::string middle = core::format_utc(std::midpoint(first_at_us, last_at_us));
  const std::size_t before = (width - middle.size()) / 2;
  if (before < first.size() + 2) return margin + first + right_aligned(last, width - first.size()) + '\n';
  return margin + first + right_aligned(middle, before + middle.size() - first.size()) +
         right_aligned(last, width - before - middle.size()) + '\n';
}

}  // namespace

std::string chart(std::string_view title, std::span<const ChartPoint> points, std::size_t height,
                  const Style& style) {
  const std::string safe_title = core::escape_for_terminal(title);
  std::string out = style.colour && !safe_title.empty() ? "\x1b[1m" + safe_title + "\x1b[0m" : safe_title;
  if (!out.empty()) out += '\n';
  double top = 1;
  bool any = false;
  for (const ChartPoint& point : points) {
    const std::optional<double> value = drawable(point);
    any = any || value;
    top = std::max(top, value.value_or(0));
  }
  if (!any) return out + "(no samples)\n";

  height = std::clamp<std::size_t>(height, 1, kHighest);
  const std::vector<std::string> labels = row_labels(top, height);
  std::size_t label_width = std::string_view("0 B").size();
  for (const std::string& label : labels) label_width = std::max(label_width, display_width(label));
  const std::size_t width = std::max(style.width, kNarrowest) - label_width - 2;  // a space and the axis
  const Columns columns = spread(points, width);
  for (std::size_t row = 0; row < height; ++row) {
    out += right_aligned(labels[row], label_width) + ' ' + dim(labels[row].empty() ? "│" : "┤", style);
    for (const auto& value : columns)
      out += block(value, top / static_cast<double>(height), height - 1 - row);
    out += '\n';
  }
  out += right_aligned("0 B", label_width) + ' ';
  std::string axis = "└";
  for (std::size_t i = 0; i < width; ++i) axis += "─";
  out += dim(axis, style) + '\n';
  return out + time_axis(points.front().at_us, points.back().at_us, label_width + 2, width);
}

}  // namespace cgmm::report
