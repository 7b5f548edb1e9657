// SPDX-License-Identifier: Apache-2.0
#include "report/format/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <ranges>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "report/format/axis.hpp"
#include "report/format/escape.hpp"
#include "report/format/frame.hpp"
#include "report/format/layout.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostNamed = 8;  // marks in one tooltip, bands in the legend

/// A set of labels, shown on pages of one width: page.css has the same.
struct PageWidth {
  std::string_view css_class;
  double plot_px;  // the narrowest plot of such a page
};
constexpr auto kPageWidths = std::to_array<PageWidth>({{"for-wide", 800}, {"for-medium", 450}, {"for-narrow", 190}});

struct MarkKind {
  Mark::Kind kind;
  std::string css_class;
  std::string_view name;
};
/// The most important first.
const auto kMarkKinds = std::to_array<MarkKind>({{Mark::Kind::kill, "kill", "OOM kill"},
                                                 {Mark::Kind::limit, "other", "limit change"},
                                                 {Mark::Kind::restart, "restart", "restart"},
                                                 {Mark::Kind::reclaim, "reclaim", "reclaim"}});

/// Short marks have no labels: long ones in great number would hide what they explain.
bool are_short(const SvgChart& chart, Mark::Kind kind) {
  return (kind == Mark::Kind::reclaim || kind == Mark::Kind::restart) &&
         std::ranges::count(chart.marks, kind, &Mark::kind) > 8;
}

std::string number(double value) { return decimal(value, 1); }

std::string rect(std::string_view css_class, double left, double right) {
  return "<rect class=\"" + std::string(css_class) + "\" x=\"" + number(left) + "\" width=\"" + number(right - left) +
         "\" height=\"" + number(kHeight) + "\"";
}

std::string point(double x, double y) { return number(x) + " " + number(y); }

std::string path_element(const std::string& css_class, const std::string& path) {
  return path.empty() ? "" : "<path class=\"" + css_class + "\" d=\"" + path + "\"/>\n";
}

/// A line, and the area below it.
std::pair<std::string, std::string> line_and_area(const Series& series, const Frame& frame) {
  constexpr int kStretches = 500;  // a page must not grow with its samples
  std::vector<ChartPoint> points = thinned(series.points, frame.from_at_us, frame.to_at_us, kStretches);
  points.push_back({frame.to_at_us, std::nullopt});
  std::string lines, areas, line;
  double left = 0;
  for (const ChartPoint& one : points) {
    if (one.value) {
      const double x = frame.x(one.at_us);
      if (line.empty()) left = x;
      line += (line.empty() ? "M" : "L") + point(x, frame.y(*one.value));
      continue;
    }
    const bool is_dot = line.find('L') == std::string::npos;
    if (!line.empty()) lines += line + (is_dot ? "h.1" : "");
    if (!is_dot) areas += line + "V" + number(kHeight) + "H" + number(left) + "z";
    line.clear();
  }
  return {lines, areas};
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
    const double left = frame.x(one.at_us), right = frame.x(one.at_us + series.bar_us);
    if (one.value.value_or(0) <= 0 || right <= left) continue;
    const double gap = std::min((right - left) * 0.12, kWidth / 250);  // a wide bar is the whole of its time
    path += "M" + point(left + gap, kHeight) + "V" + number(std::min(frame.y(*one.value), kHeight - kLeastHeight)) +
            "H" + number(right - gap) + "V" + number(kHeight) + "z";
  }
  return path;
}

std::string drawn(const Series& series, std::size_t colour, const Frame& frame) {
  const std::string at = std::to_string(colour);
  if (series.kind == Series::Kind::limit) return path_element("limit", step_path(series, frame));
  if (series.kind == Series::Kind::bars) return path_element("f" + at, bars_path(series, frame));
  const auto [line, area] = line_and_area(series, frame);
  const std::string fill = series.kind == Series::Kind::area ? path_element("fill f" + at, area) : "";
  return fill + path_element("l c" + at, line);
}

/// One path for all marks of a kind.
std::string drawn(const SvgChart& chart, const MarkKind& kind, const Frame& frame) {
  const bool is_short = are_short(chart, kind.kind);
  const std::string down = is_short ? " " + number(kHeight - 14) + "v14" : " 0v" + number(kHeight);
  std::string path, last;
  for (const Mark& mark : chart.marks) {
    const std::string x = number(std::round(frame.x(mark.at_us) * 2) / 2);
    if (mark.kind == kind.kind && std::exchange(last, x) != x) path.append("M").append(x).append(down);
  }
  return path_element("mark " + kind.css_class + (is_short ? " short" : ""), path);
}

/// The lines behind everything, one for each tick.
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

/// How many marks of the kind there are, each for as many as it says.
std::int64_t count_of(const SvgChart& chart, Mark::Kind kind) {
  std::int64_t count = 0;
  for (const Mark& mark : chart.marks) {
    if (mark.kind == kind) count += std::clamp<std::int64_t>(mark.count, 1, 1'000'000'000);
  }
  return count;
}

std::string legend_item(const std::string& key, std::string_view text, std::string_view remark) {
  const std::string more = remark.empty() ? "" : " <span>" + escape_html(remark) + "</span>";
  return "<li><svg class=\"key\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">" + key + "</svg>" + escape_html(text) +
         more + "</li>\n";
}

std::string key_of(const Series& series, std::size_t colour) {
  const std::string at = std::to_string(colour);
  if (series.kind == Series::Kind::limit) return R"(<line class="limit" x1="0" y1="6" x2="28" y2="6"/>)";
  if (series.kind == Series::Kind::bars) return "<rect class=\"f" + at + R"(" x="8" width="12" height="12"/>)";
  const std::string line = "<line class=\"l c" + at + R"(" x1="0" y1="6" x2="28" y2="6"/>)";
  if (series.kind == Series::Kind::line) return line;
  return "<rect class=\"fill f" + at + R"(" y="6" width="28" height="6"/>)" + line;
}

/// "up to 1.2 GiB"; a limit that did not change has no "up to". `rest` is the largest value that is no limit's.
std::string remark_of(const Series& series, double rest) {
  const std::optional<double> most = largest(series.points);
  if (!most) return "none";
  const bool is_limit = series.kind == Series::Kind::limit;
  const auto changes = std::ranges::adjacent_find(series.points, std::ranges::not_equal_to{}, &ChartPoint::value);
  return (is_limit && changes == series.points.end() ? "" : "up to ") + size_text(*most) +
         (is_limit && is_far_above(*most, rest) ? ", far above" : "");
}

std::string legend(const SvgChart& chart, double rest) {
  std::string out = "<ul class=\"legend\">\n";
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    out += legend_item(key_of(chart.series[i], i), chart.series[i].label, remark_of(chart.series[i], rest));
  }
  for (const MarkKind& kind : kMarkKinds) {
    const std::int64_t count = count_of(chart, kind.kind);
    const std::string line = "<line class=\"mark " + kind.css_class + (are_short(chart, kind.kind) ? " short" : "") +
                             R"(" x1="14" y1="0" x2="14" y2="12"/>)";
    if (count > 0) out += legend_item(line, base::counted(count, kind.name), "");
  }
  std::map<std::string, std::size_t> bands;
  for (const Band& band : chart.bands) ++bands[band.label];
  for (const auto& [label, count] : bands | std::views::take(kMostNamed)) {
    out += legend_item(R"(<rect class="band" x="4" width="20" height="12"/>)", label,
                       count > 1 ? std::to_string(count) + " times" : "");
  }
  return out + "</ul>\n";
}

/// The times that have a tooltip: of the bars if there are some, else columns of equal width.
std::vector<Band> columns_of(const SvgChart& chart, const Frame& frame) {
  constexpr std::int64_t kColumns = 120;
  std::vector<Band> columns;
  const auto bars = std::ranges::find(chart.series, Series::Kind::bars, &Series::kind);
  if (bars != chart.series.end()) {
    for (const ChartPoint& one : bars->points) columns.push_back({one.at_us, one.at_us + bars->bar_us, ""});
    return columns;
  }
  const auto width_us = static_cast<double>(frame.to_at_us - frame.from_at_us) / kColumns;
  const auto edge = [&](int i) { return frame.from_at_us + std::llround(width_us * i); };
  for (int i = 0; i < kColumns; ++i) columns.push_back({edge(i), edge(i + 1), ""});
  columns.back().to_at_us = frame.to_at_us + 1;
  return columns;
}

/// What was in the column, a line each.
std::string told_in(const Band& column, const SvgChart& chart) {
  const auto is_within = [&](std::int64_t at_us) { return at_us >= column.from_at_us && at_us < column.to_at_us; };
  std::string text;
  for (const Series& series : chart.series) {
    std::optional<double> least, most;
    for (auto one = std::ranges::lower_bound(series.points, column.from_at_us, {}, &ChartPoint::at_us);
         one != series.points.end() && is_within(one->at_us); ++one) {
      if (one->value) least = std::min(least.value_or(*one->value), *one->value);
      most = std::max(most, one->value);
    }
    if (!most) continue;
    const std::string lowest = size_text(*least), highest = size_text(*most);
    text += "\n" + escape_html(series.label) + " " + (lowest == highest ? "" : lowest + " to ") + highest;
  }
  auto marks = chart.marks | std::views::filter([&](const Mark& mark) { return is_within(mark.at_us); });
  for (const Mark& mark : marks | std::views::take(kMostNamed)) {
    text += "\n" + base::format_time(mark.at_us) + " " + escape_html(mark.label);
  }
  for (const Band& band : chart.bands) {
    if (band.from_at_us < column.to_at_us && band.to_at_us > column.from_at_us) text += "\n" + escape_html(band.label);
  }
  return text;
}

/// What was at the time that the mouse points at.
std::string tooltips(const SvgChart& chart, const Frame& frame) {
  std::string out;
  for (const Band& column : columns_of(chart, frame)) {
    const double left = frame.x(column.from_at_us), right = frame.x(column.to_at_us);
    const std::string text = right > left ? told_in(column, chart) : "";
    if (text.empty()) continue;
    out += rect("hit", left, right) + "><title>" + base::format_time(std::max(column.from_at_us, frame.from_at_us)) +
           text + "</title></rect>\n";
  }
  return out;
}

std::string label_at(const std::string& css_class, std::string_view side, double share, const std::string& html) {
  return "<span class=\"ax at" + css_class + "\" style=\"" + std::string(side) + ":" + number(share * 100) + "%\">" +
         html + "</span>";
}

/// The labels of marks over the plot, as far as there is room.
std::string notes(const SvgChart& chart, const Frame& frame, const PageWidth& page) {
  std::vector<std::pair<double, double>> taken;
  std::string labels;
  const auto add = [&](const Mark& mark, const std::string& css_class) {
    const double share = frame.share(mark.at_us), at_px = share * page.plot_px, width_px = label_px(mark.label);
    const bool begins = at_px < width_px / 2, ends = page.plot_px - at_px < width_px / 2;
    const double left = begins ? at_px : ends ? at_px - width_px : at_px - width_px / 2, right = left + width_px;
    const bool fits = left >= 0 && right <= page.plot_px && std::ranges::none_of(taken, [&](const auto& other) {
                        return left < other.second + kApart_px && right + kApart_px > other.first;
                      });
    if (!fits) return;
    taken.emplace_back(left, right);
    const std::string_view alignment = begins ? " begin" : ends ? " end" : "";
    labels += label_at(" " + css_class + std::string(alignment), "left", share, escape_html(mark.label));
  };
  for (const MarkKind& kind : kMarkKinds) {
    if (are_short(chart, kind.kind)) continue;
    for (const Mark& mark : chart.marks) {
      if (mark.kind == kind.kind && !mark.label.empty()) add(mark, kind.css_class);
    }
  }
  return "<div class=\"notes " + std::string(labels.empty() ? "" : "some ") + std::string(page.css_class) +
         "\" aria-hidden=\"true\">" + labels + "</div>\n";
}

std::string byte_axis(const std::vector<AxisTick>& ticks) {
  std::string widest, labels;
  for (const AxisTick& tick : ticks) {
    if (tick.label.size() > widest.size()) widest = tick.label;
    labels += label_at("", "bottom", tick.share, tick.label);
  }
  return "<div class=\"y\" aria-hidden=\"true\"><span class=\"wide\">" + widest + "</span>" + labels + "</div>\n";
}

std::string time_axis(const Frame& frame, const PageWidth& page) {
  std::string labels;
  for (const AxisTick& tick : time_ticks(frame.from_at_us, frame.to_at_us, page.plot_px)) {
    const std::string below = tick.below.empty() ? "" : "<small>" + tick.below + "</small>";
    if (!tick.label.empty()) labels += label_at("", "left", tick.share, tick.label + below);
  }
  return "<div class=\"x " + std::string(page.css_class) + "\" aria-hidden=\"true\">" + labels + "</div>\n";
}

/// For those who do not see the chart.
std::string in_words(const SvgChart& chart, const Frame& frame) {
  std::string text = "Chart, " + base::format_time(frame.from_at_us) + " to " + base::format_time(frame.to_at_us);
  for (const Series& series : chart.series) {
    if (const auto most = largest(series.points)) text += "; " + series.label + " up to " + size_text(*most);
  }
  for (const MarkKind& kind : kMarkKinds) {
    const std::int64_t count = count_of(chart, kind.kind);
    if (count > 0) text += "; " + base::counted(count, kind.name);
  }
  return text;
}

}  // namespace

std::string svg_chart(const SvgChart& whole) {
  Frame frame = frame_of(whole);
  const SvgChart chart = cropped(whole, frame);
  double rest = 0, top = 0;
  bool is_empty = chart.marks.empty();
  for (const Series& series : chart.series) {
    const std::optional<double> most = largest(series.points);
    is_empty = is_empty && !most;
    if (series.kind != Series::Kind::limit) rest = std::max(rest, most.value_or(0));
  }
  if (is_empty) return "<figure class=\"chart\">\n<p class=\"remark\">(no samples)</p>\n</figure>\n";

  const auto is_shown = [&](const Series& series) {
    return series.kind != Series::Kind::limit || !is_far_above(largest(series.points).value_or(0), rest);
  };
  for (const Series& series : chart.series) {
    if (is_shown(series)) top = std::max(top, largest(series.points).value_or(0));
  }
  const std::vector<AxisTick> bytes = byte_ticks(top);
  frame.top = byte_step(top) * static_cast<double>(bytes.size() - 1);  // where the last tick is

  std::string out = "<figure class=\"chart\" data-from-us=\"" + std::to_string(frame.from_at_us) + "\" data-to-us=\"" +
                    std::to_string(frame.to_at_us) + "\">\n" + legend(chart, rest) + "<div class=\"plot\">\n";
  for (const PageWidth& page : kPageWidths) out += notes(chart, frame, page);
  out += byte_axis(bytes) + "<div class=\"canvas\"><svg viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) +
         "\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" + escape_html(in_words(chart, frame)) + "\">\n" +
         grid(bytes, frame);
  for (const Band& band : chart.bands) {
    const double left = frame.x(band.from_at_us);
    out += rect("band", left, std::max(frame.x(band.to_at_us), left + 2)) + "/>\n";  // short ones stay visible
  }
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    if (is_shown(chart.series[i])) out += drawn(chart.series[i], i, frame);
  }
  for (const MarkKind& kind : kMarkKinds | std::views::reverse) out += drawn(chart, kind, frame);
  out += tooltips(chart, frame) + "</svg></div>\n<div class=\"zone\" aria-hidden=\"true\">" +
         base::shown_zone(frame.to_at_us) + "</div>\n";
  for (const PageWidth& page : kPageWidths) out += time_axis(frame, page);
  return out + "</div>\n</figure>\n";
}

}  // namespace cgmm::report
