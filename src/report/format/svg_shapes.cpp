// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <optional>
#include <utility>

#include "report/format/layout.hpp"
#include "report/format/svg_parts.hpp"

namespace cgmm::report {
namespace {

std::string number(double value) { return decimal(value, 1); }

std::string point(double x, double y) { return number(x) + " " + number(y); }

std::string path_element(std::string_view css_class, const std::string& path) {
  return path.empty() ? "" : "<path class=\"" + std::string(css_class) + "\" d=\"" + path + "\"/>\n";
}

struct Spot {
  std::int64_t at_us = 0;
  double value = 0;
};
/// The smallest and the largest value of a stretch of time.
using Extremes = std::pair<Spot, Spot>;
/// A line without interruption.
using Run = std::vector<Extremes>;

/// Thinned, because a page must not grow with its samples. An interruption within one stretch is not visible.
std::vector<Run> runs_of(const Series& series, const Frame& frame) {
  constexpr double kStretches = 500;
  std::vector<Run> runs;
  bool is_broken = true;
  double last_stretch = -1;
  for (const ChartPoint& one : series.points) {
    if (!one.value) {
      is_broken = true;
      continue;
    }
    const Spot spot{one.at_us, *one.value};
    const double stretch = std::floor(frame.share(one.at_us) * kStretches);
    if (stretch != last_stretch) {
      if (is_broken) runs.emplace_back();
      runs.back().emplace_back(spot, spot);
    }
    auto& [smallest, largest] = runs.back().back();
    if (spot.value < smallest.value) smallest = spot;
    if (spot.value > largest.value) largest = spot;
    last_stretch = stretch;
    is_broken = false;
  }
  return runs;
}

std::string line_path(const Run& run, const Frame& frame) {
  std::string path;
  const auto add = [&](const Spot& spot) {
    path += (path.empty() ? "M" : "L") + point(frame.x(spot.at_us), frame.y(spot.value));
  };
  for (const auto& [smallest, largest] : run) {
    const bool falls = largest.at_us < smallest.at_us;
    add(falls ? largest : smallest);
    if (smallest.value != largest.value) add(falls ? smallest : largest);
  }
  return path.find('L') == std::string::npos ? path + "h.1" : path;  // a dot
}

std::string area_path(const Run& run, const Frame& frame) {
  const std::string line = line_path(run, frame);
  const double left = frame.x(std::min(run.front().first.at_us, run.front().second.at_us));
  return line.ends_with("h.1") ? "" : line + "V" + number(kHeight) + "H" + number(left) + "z";
}

std::string step_path(const Series& series, const Frame& frame) {
  std::string path;
  std::optional<double> held;
  for (const ChartPoint& one : series.points) {
    const double x = frame.x(one.at_us);
    if (held) path += "H" + number(x);
    if (one.value) path += held ? "V" + number(frame.y(*one.value)) : "M" + point(x, frame.y(*one.value));
    held = one.value;
  }
  return held ? path + "H" + number(kWidth) : path;
}

std::string bars_path(const Series& series, const Frame& frame) {
  constexpr double kLeastHeight = 1.5;  // small values stay visible
  std::string path;
  for (const ChartPoint& one : series.points) {
    const double left = frame.x(one.at_us), right = frame.x(later(one.at_us, series.bar_us));
    if (one.value.value_or(0) <= 0 || right <= left) continue;
    const double gap = (right - left) * 0.12;
    path += "M" + point(left + gap, kHeight) + "V" + number(std::min(frame.y(*one.value), kHeight - kLeastHeight)) +
            "H" + number(right - gap) + "V" + number(kHeight) + "z";
  }
  return path;
}

}  // namespace

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

std::string drawn(const SvgChart& chart, const MarkKind& kind, const Frame& frame) {
  const bool is_short = are_short(chart, kind.kind);
  const std::string down = is_short ? " " + number(kHeight - 14) + "v14" : " 0v" + number(kHeight);
  std::string path, last;
  for (const Mark& mark : chart.marks) {
    const std::string x = number(std::round(frame.x(mark.at_us) * 2) / 2);
    if (mark.kind == kind.kind && std::exchange(last, x) != x) path.append("M").append(x).append(down);
  }
  return path_element("mark " + std::string(kind.css_class) + (is_short ? " short" : ""), path);
}

std::string drawn(const Band& band, const Frame& frame) {
  constexpr double kLeastWidth = 2;
  const double left = frame.x(band.from_at_us), width = std::max(frame.x(band.to_at_us) - left, kLeastWidth);
  return "<rect class=\"band\" x=\"" + number(left) + "\" y=\"0\" width=\"" + number(width) + "\" height=\"" +
         number(kHeight) + "\"/>\n";
}

std::string grid(const std::vector<AxisTick>& bytes, const Frame& frame) {
  std::string across;
  for (const AxisTick& tick : bytes) {
    if (tick.share > 0) across += "M0 " + number((1 - tick.share) * kHeight) + "H" + number(kWidth);
  }
  std::string out = path_element("grid", across);
  for (const PageWidth& page : kPageWidths) {
    std::string down;
    for (const AxisTick& tick : time_ticks(frame.from_at_us, frame.to_at_us, page.plot_px)) {
      down += "M" + number(tick.share * kWidth) + " 0V" + number(kHeight);
    }
    out += path_element("grid " + std::string(page.css_class), down);
  }
  return out + path_element("base", "M0 " + number(kHeight) + "H" + number(kWidth));
}

}  // namespace cgmm::report
