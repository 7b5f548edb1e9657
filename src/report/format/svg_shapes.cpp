// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <utility>

#include "report/format/svg_parts.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostBuckets = 500;  // two points each

struct Spot {
  double at_us = 0;
  double value = 0;
};
using Run = std::vector<Spot>;  // a line without interruption

/// All points, interrupted where there is no value.
std::vector<Run> all_runs(const Series& series, const Frame& frame) {
  std::vector<Run> runs;
  bool is_broken = true;
  for (const ChartPoint& point : series.points) {
    const auto at_us = static_cast<double>(point.at_us);
    const std::optional<double> value = drawable(point);
    if (!value) is_broken = true;
    if (!value || !frame.holds(at_us)) continue;
    if (std::exchange(is_broken, false)) runs.emplace_back();
    runs.back().push_back({at_us, *value});
  }
  return runs;
}

struct Bucket {
  std::optional<Spot> smallest, largest;
  bool breaks_before = false;
  bool breaks_after = false;
};

/// The smallest and largest value of each stretch of time. An interruption within one is not visible.
std::vector<Run> thinned_runs(const Series& series, const Frame& frame) {
  std::vector<Bucket> buckets(kMostBuckets);
  for (const ChartPoint& point : series.points) {
    const auto at_us = static_cast<double>(point.at_us);
    if (!frame.holds(at_us)) continue;
    const double share = frame.share(at_us) * static_cast<double>(kMostBuckets);
    Bucket& bucket = buckets[std::min(static_cast<std::size_t>(share), kMostBuckets - 1)];
    const std::optional<double> value = drawable(point);
    if (!value) {
      (bucket.largest ? bucket.breaks_after : bucket.breaks_before) = true;
      continue;
    }
    bucket.breaks_after = false;
    const Spot spot{at_us, *value};
    if (!bucket.smallest || spot.value < bucket.smallest->value) bucket.smallest = spot;
    if (!bucket.largest || spot.value > bucket.largest->value) bucket.largest = spot;
  }
  std::vector<Run> runs;
  bool is_broken = true;
  for (const Bucket& bucket : buckets) {
    is_broken = is_broken || bucket.breaks_before;
    if (bucket.largest) {
      if (is_broken) runs.emplace_back();
      const auto [first, second] = std::minmax(*bucket.smallest, *bucket.largest,
                                               [](const Spot& a, const Spot& b) { return a.at_us < b.at_us; });
      runs.back().push_back(first);
      if (second.at_us > first.at_us) runs.back().push_back(second);
      is_broken = false;
    }
    is_broken = is_broken || bucket.breaks_after;
  }
  return runs;
}

std::vector<Run> runs_of(const Series& series, const Frame& frame) {
  return series.points.size() > 2 * kMostBuckets ? thinned_runs(series, frame) : all_runs(series, frame);
}

std::string point(double x, double y) { return number(x) + " " + number(y); }

std::string line_path(const Run& run, const Frame& frame) {
  std::string path;
  for (const Spot& spot : run) {
    path += (path.empty() ? "M" : "L") + point(frame.x(spot.at_us), frame.y(spot.value));
  }
  return run.size() == 1 ? path + "h.1" : path;  // a dot
}

std::string area_path(const Run& run, const Frame& frame) {
  if (run.size() < 2) return "";
  return line_path(run, frame) + "V" + number(kHeight) + "H" + number(frame.x(run.front().at_us)) + "z";
}

std::string step_path(const Series& series, const Frame& frame) {
  std::string path;
  std::optional<double> held;
  for (const ChartPoint& one : holding_points(series, frame)) {
    const double x = frame.x(static_cast<double>(one.at_us));
    const std::optional<double> value = drawable(one);
    if (held) path += "H" + number(x);
    if (value) path += held ? "V" + number(frame.y(*value)) : "M" + point(x, frame.y(*value));
    held = value;
  }
  return held ? path + "H" + number(kWidth) : path;
}

std::string bars_path(const Series& series, const Frame& frame) {
  constexpr double kLeastHeight = 1.5;  // small values stay visible
  std::string path;
  for (const ChartPoint& one : series.points) {
    const auto at_us = static_cast<double>(one.at_us);
    const double left = frame.x(at_us), right = frame.x(at_us + static_cast<double>(series.bar_us));
    const double value = drawable(one).value_or(0);
    if (value <= 0 || right <= left) continue;
    const double gap = (right - left) * 0.12;
    path += "M" + point(left + gap, kHeight) + "V" + number(std::min(frame.y(value), kHeight - kLeastHeight)) + "H" +
            number(right - gap) + "V" + number(kHeight) + "z";
  }
  return path;
}

std::string path_element(std::string_view css_class, const std::string& path) {
  return path.empty() ? "" : "<path class=\"" + std::string(css_class) + "\" d=\"" + path + "\"/>\n";
}

}  // namespace

std::string number(double value) {
  std::array<char, 400> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), value, std::chars_format::fixed, 1).ptr;
  std::string text(digits.begin(), end);
  if (text.ends_with(".0")) text.erase(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::optional<double> drawable(const ChartPoint& point) {
  if (!point.value || !std::isfinite(*point.value)) return std::nullopt;
  return std::clamp(*point.value, 0.0, 1e19);
}

std::string_view css_class(Mark::Kind kind) {
  return kind == Mark::Kind::kill ? "kill" : kind == Mark::Kind::reclaim ? "reclaim" : "other";
}

std::int64_t count_of(const SvgChart& chart, const Frame& frame, Mark::Kind kind) {
  return std::ranges::count_if(
      chart.marks, [&](const Mark& mark) { return mark.kind == kind && frame.holds(static_cast<double>(mark.at_us)); });
}

bool are_short(const SvgChart& chart, const Frame& frame, Mark::Kind kind) {
  constexpr std::int64_t kMostAcross = 8;
  return kind == Mark::Kind::reclaim && count_of(chart, frame, kind) > kMostAcross;
}

std::span<const ChartPoint> holding_points(const Series& series, const Frame& frame) {
  std::span<const ChartPoint> points = series.points;
  while (points.size() > 1 && static_cast<double>(points[1].at_us) <= frame.from_us) points = points.subspan(1);
  while (!points.empty() && static_cast<double>(points.back().at_us) > frame.to_us)
    points = points.first(points.size() - 1);
  return points;
}

std::optional<double> largest(const Series& series, const Frame& frame) {
  const bool is_limit = series.kind == Series::Kind::limit;
  std::optional<double> result;
  for (const ChartPoint& one : is_limit ? holding_points(series, frame) : std::span(series.points)) {
    const auto end_us = static_cast<double>(one.at_us) + static_cast<double>(series.bar_us);
    if (!is_limit && !frame.holds(static_cast<double>(one.at_us)) && !frame.holds(end_us)) continue;
    const std::optional<double> value = drawable(one);
    if (value) result = std::max(result.value_or(0), *value);
  }
  return result;
}

std::string drawn(const Series& series, std::size_t colour, const Frame& frame) {
  const std::string at = std::to_string(colour);
  if (series.kind == Series::Kind::limit) return path_element("limit", step_path(series, frame));
  if (series.kind == Series::Kind::bars) return path_element("f" + at, bars_path(series, frame));
  std::string area, line;
  for (const Run& run : runs_of(series, frame)) {
    if (series.kind == Series::Kind::area) area += area_path(run, frame);
    line += line_path(run, frame);
  }
  return path_element("fill f" + at, area) + path_element("l c" + at, line);
}

std::string drawn(const SvgChart& chart, Mark::Kind kind, const Frame& frame) {
  const bool is_short = are_short(chart, frame, kind);
  const std::string down = is_short ? " " + number(kHeight - 14) + "v14" : " 0v" + number(kHeight);
  std::string path, last;
  for (const Mark& mark : chart.marks) {
    if (mark.kind != kind || !frame.holds(static_cast<double>(mark.at_us))) continue;
    const std::string x = number(std::round(frame.x(static_cast<double>(mark.at_us)) * 2) / 2);
    if (std::exchange(last, x) != x) path.append("M").append(x).append(down);
  }
  return path_element("mark " + std::string(css_class(kind)) + (is_short ? " short" : ""), path);
}

std::string drawn(const Band& band, const Frame& frame) {
  constexpr double kLeastWidth = 2;
  const double left = frame.x(static_cast<double>(band.from_at_us)),
               right = frame.x(static_cast<double>(band.to_at_us));
  if (band.to_at_us < band.from_at_us || !(right > left)) return "";
  return "<rect class=\"band\" x=\"" + number(left) + "\" y=\"0\" width=\"" +
         number(std::max(right - left, kLeastWidth)) + "\" height=\"" + number(kHeight) + "\"/>\n";
}

std::string grid(const std::vector<AxisTick>& bytes, const Frame& frame) {
  std::string across;
  for (const AxisTick& tick : bytes) {
    if (tick.share > 0) across += "M0 " + number((1 - tick.share) * kHeight) + "H" + number(kWidth);
  }
  std::string out = path_element("grid", across);
  for (const Layout& layout : kLayouts) {
    std::string down;
    for (const AxisTick& tick : time_ticks(instant(frame.from_us), instant(frame.to_us), layout.plot_px)) {
      down += "M" + number(tick.share * kWidth) + " 0V" + number(kHeight);
    }
    out += path_element("grid " + std::string(layout.css_class), down);
  }
  return out + path_element("base", "M0 " + number(kHeight) + "H" + number(kWidth));
}

}  // namespace cgmm::report
