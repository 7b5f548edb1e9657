// SPDX-License-Identifier: Apache-2.0
#include "report/format/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/axis.hpp"
#include "report/format/escape.hpp"
#include "report/format/glyphs.hpp"
#include "report/format/layout.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kNarrowest = 32;  // the labels need this much
constexpr std::size_t kHighest = 100;
constexpr std::size_t kLabelWidth = 8;  // "restarts", "1.25 GiB": charts below each other show the same time

struct MarkLine {
  Mark::Kind kind;
  std::string_view name;
  std::string_view sign;
  std::string_view meaning;
};
constexpr auto kMarkLines = std::to_array<MarkLine>({{Mark::Kind::kill, "kills", glyph::kKill, "OOM kill"},
                                                     {Mark::Kind::reclaim, "reclaims", glyph::kReclaim, "reclaim"},
                                                     {Mark::Kind::restart, "restarts", glyph::kRestart, "restart"}});

/// What a column shows; the lowest is nullopt where there is nothing.
struct Column {
  std::optional<double> lowest, highest;

  void take(const ChartPoint& point) {
    const auto value = drawable(point);
    if (!value) return;
    lowest = std::min(lowest.value_or(*value), *value);
    highest = std::max({highest.value_or(*value), *value, point.peak.value_or(0)});
  }
};

/// The column of a time, in a chart of `count` columns from the first point to the last.
std::size_t column_of(std::int64_t at_us, std::span<const ChartPoint> points, std::size_t count) {
  const auto first_us = static_cast<double>(points.front().at_us);
  const double range_us = std::max(static_cast<double>(points.back().at_us) - first_us, 1.0);
  const double share = (static_cast<double>(at_us) - first_us) / range_us;
  return static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(count - 1));
}

/// A column between two points shows the earlier one.
std::vector<Column> spread(std::span<const ChartPoint> points, std::size_t count) {
  std::vector<Column> columns(count);
  const ChartPoint* held = nullptr;
  std::size_t next = 0;  // the first column without a point so far
  for (const ChartPoint& point : points) {
    const std::size_t column = column_of(point.at_us, points, count);
    for (; next < column; ++next) {
      if (held != nullptr) columns[next].take(*held);
    }
    held = &point;
    columns[column].take(point);
    next = std::max(next, column + 1);
  }
  for (; next < count; ++next) columns[next].take(*held);
  return columns;
}

/// The part of a column that is in one row.
std::string_view cell(const Column& column, double row_bytes, std::size_t row_from_bottom) {
  if (!column.lowest) return glyph::kBlocks[0];
  const auto eighths = [&](double bytes) {
    const double above = bytes / row_bytes * 8 - static_cast<double>(row_from_bottom) * 8;
    return static_cast<std::size_t>(std::clamp(std::round(above), 0.0, 8.0));
  };
  const std::size_t lowest = eighths(*column.lowest), highest = eighths(*column.highest);
  if (highest == 8 && lowest < 8) return lowest > 4 ? glyph::kBlocks[8] : glyph::kShade;
  if (highest > lowest && lowest > 0) return glyph::kBlocks[highest];
  if (highest > lowest && highest >= 4) return glyph::kShade;
  // A sample of 0 must look different from no sample: the lowest row always shows something.
  return glyph::kBlocks[std::max<std::size_t>(lowest, row_from_bottom == 0 ? 1 : 0)];
}

/// Signs below their columns; a number says how many there are in so many columns as it takes.
std::string mark_line(std::string_view sign, const std::vector<std::int64_t>& counts) {
  std::string line;
  std::size_t column = 0;
  while (column < counts.size()) {
    if (counts[column] == 0) {
      line += ' ';
      ++column;
      continue;
    }
    std::int64_t count = 0;
    std::string number;
    std::size_t end = column;
    do {
      count += counts[end++];
      number = count > 1 ? std::to_string(count) : "";
    } while (end < counts.size() && end < column + 1 + number.size());
    column += 1 + number.size();
    for (; column > counts.size() && line.ends_with(' '); --column) line.pop_back();
    line += std::string(sign) + number;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string mark_lines(const ChartMarks& marks, std::span<const ChartPoint> points, std::size_t width,
                       std::size_t label_width) {
  std::string lines;
  for (const MarkLine& kind : kMarkLines) {
    std::vector<std::int64_t> counts(width);
    for (const Mark& mark : marks.marks) {
      if (mark.kind == kind.kind) counts[column_of(mark.at_us, points, width)] += std::max<std::int64_t>(mark.count, 1);
    }
    const std::string line = mark_line(kind.sign, counts);
    if (!line.empty()) lines += right_aligned(kind.name, label_width) + "  " + line + "\n";
  }
  return lines;
}

/// Texts from left to right.
class Placed {
 public:
  /// At this column, or further right where it would touch the one before, but at `latest` at most: else it is left
  /// out.
  bool add(std::size_t column, std::size_t latest, const std::string& text) {
    if (!line_.empty()) column = std::max(column, width_ + 1);
    if (column > latest) return false;
    line_ += std::string(column - width_, ' ') + text;
    width_ = column + display_width(text);
    return true;
  }
  const std::string& line() const { return line_; }

 private:
  std::string line_;
  std::size_t width_ = 0;
};

/// The axis, the times below it, and the days below these.
std::string time_axis(std::span<const ChartPoint> points, std::size_t width, std::size_t label_width,
                      const Style& style) {
  const std::int64_t first_at_us = points.front().at_us, last_at_us = points.back().at_us;
  std::vector<std::string_view> base(width, glyph::kBase);
  Placed times, days;
  for (const AxisTick& tick : time_ticks(first_at_us, last_at_us, static_cast<double>(width) * kCharacter_px)) {
    const auto at = static_cast<std::size_t>(tick.share * static_cast<double>(width - 1));
    const auto begin_of = [&](const std::string& label) {  // in the middle, and not over the end
      return std::min(at - std::min(at, tick.label.size() / 2), width - std::min(width, label.size()));
    };
    if (tick.label.empty() || !times.add(begin_of(tick.label), std::min(at, width - tick.label.size()), tick.label))
      continue;
    base[at] = glyph::kBaseTick;
    if (!tick.below.empty()) days.add(begin_of(tick.below), width, tick.below);
  }
  std::string axis;
  for (const std::string_view one : base) axis += one;
  const std::string margin(label_width + 2, ' ');
  std::string out = right_aligned("0 B", label_width) + ' ' + dim(std::string(glyph::kCorner) + axis, style) + '\n';
  if (days.line().empty()) return out + margin + base::format_time(first_at_us) + '\n';  // no round time in it
  return out + right_aligned(base::shown_zone(first_at_us), label_width) + "  " + times.line() + '\n' + margin +
         days.line() + '\n';
}

/// The vertical axis: its rows, and the label of each at its upper edge.
struct ByteAxis {
  double row_bytes = 1;
  std::vector<std::string> labels;  // from the top
  std::optional<std::size_t> limit_row;
};

/// A round number of rows for each label.
ByteAxis byte_axis(double most, std::size_t height, const std::optional<double>& limit) {
  const std::vector<AxisTick> ticks = byte_ticks(most);
  const std::size_t steps = ticks.size() - 1, each = (height + steps / 2) / steps;
  const double top = byte_step(most) * static_cast<double>(steps);
  ByteAxis axis;
  axis.labels.resize(each > 0 ? each * steps : height);
  axis.row_bytes = top / static_cast<double>(axis.labels.size());
  for (std::size_t i = 1; i <= steps; ++i) {
    if (each > 0 || i == steps) axis.labels[axis.labels.size() - (each > 0 ? i * each : height)] = ticks[i].label;
  }
  if (!limit) return axis;
  const auto from_bottom = static_cast<std::size_t>(std::max(std::ceil(*limit / axis.row_bytes), 1.0));
  axis.limit_row = axis.labels.size() - std::min(from_bottom, axis.labels.size());
  axis.labels[*axis.limit_row] = "limit";
  return axis;
}

}  // namespace

std::string trend_line(std::span<const std::optional<double>> points, std::string_view unknown) {
  std::optional<double> lowest, highest;
  for (const std::optional<double>& point : points) {
    if (!point) continue;
    lowest = std::min(lowest.value_or(*point), *point);
    highest = std::max(highest.value_or(*point), *point);
  }
  constexpr std::size_t kWhole = glyph::kBlocks.size() - 1;
  const double range = std::max({highest.value_or(0) - lowest.value_or(0), highest.value_or(0) / 10, 1.0});
  std::string line;
  for (const std::optional<double>& point : points) {
    const std::size_t height = point ? 1 + static_cast<std::size_t>((*point - *lowest) / range * (kWhole - 1)) : 0;
    line += point ? glyph::kBlocks[std::min(height, kWhole)] : unknown;
  }
  return line;
}

std::optional<double> drawable(const ChartPoint& point) {
  if (!point.value || !std::isfinite(*point.value)) return std::nullopt;
  return std::clamp(*point.value, 0.0, 1e19);
}

std::optional<double> largest(std::span<const ChartPoint> points) {
  std::optional<double> value;
  for (const ChartPoint& point : points) {
    value = std::max({value, drawable(point), drawable({point.at_us, point.value ? point.peak : std::nullopt})});
  }
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

std::string kill_label(std::int64_t count, std::string_view whom) {
  const std::string kills = count > 1 ? std::to_string(count) + " kills" : "OOM kill";
  return kills + (whom.empty() ? "" : ": " + std::string(whom));
}

std::string chart(std::string_view title, std::span<const ChartPoint> points, std::size_t height, const Style& style,
                  const ChartMarks& marks) {
  const std::string name = base::escape_for_terminal(title);
  const auto most = largest(points);
  if (most && *most == 0) return bold(name, style) + (name.empty() ? "" : ": ") + "0 all the time\n";
  std::string out = name.empty() ? "" : bold(name, style) + '\n';
  if (!most) return out + "(no samples)\n";
  const bool has_limit = marks.limit && !is_far_above(*marks.limit, *most);
  const double top = std::max({*most, marks.top.value_or(0), has_limit ? *marks.limit : 0, 1.0});
  const ByteAxis axis =
      byte_axis(top, std::clamp<std::size_t>(height, 1, kHighest), has_limit ? marks.limit : std::optional<double>());
  std::size_t label_width = std::max(kLabelWidth, base::shown_zone(points.front().at_us).size());
  for (const std::string& label : axis.labels) label_width = std::max(label_width, label.size());
  const std::size_t width = std::max(style.width, kNarrowest) - label_width - 2;  // a space and the axis
  const std::vector<Column> columns = spread(points, width);
  const std::size_t rows = axis.labels.size();
  for (std::size_t row = 0; row < rows; ++row) {
    const std::string& label = axis.labels[row];
    out += right_aligned(label, label_width) + ' ' + dim(label.empty() ? glyph::kAxis : glyph::kAxisTick, style);
    std::string line;
    for (const Column& column : columns) {
      const std::string_view drawn = cell(column, axis.row_bytes, rows - 1 - row);
      line += row == axis.limit_row && drawn == glyph::kBlocks[0] ? glyph::kLimit : drawn;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out + time_axis(points, width, label_width, style) + mark_lines(marks, points, width, label_width);
}

std::string chart_signs(const ChartMarks& marks, const Style& style) {
  std::vector<std::string> signs{std::string(glyph::kBlocks[8]) + " lowest, " + std::string(glyph::kShade) +
                                 " highest in a column's time"};
  if (marks.limit) signs.push_back(std::string(glyph::kLimit) + " limit " + size_text(*marks.limit));
  bool has_number = false;
  for (const MarkLine& kind : kMarkLines) {
    const auto count = std::ranges::count(marks.marks, kind.kind, &Mark::kind);
    if (count > 0) signs.push_back(std::string(kind.sign) + " " + std::string(kind.meaning));
    has_number = has_number || count > 1;
  }
  if (has_number) signs.emplace_back("a number: how many");
  std::string out;
  std::size_t column = 0;
  for (const std::string& sign : signs) {
    const std::size_t length = display_width(sign);
    const bool fits = column > 0 && column + 2 + length <= style.width;
    out += column == 0 ? "" : fits ? "; " : "\n";
    column = fits ? column + 2 + length : length;
    out += sign;
  }
  return out + '\n';
}

}  // namespace cgmm::report
