// SPDX-License-Identifier: Apache-2.0
#include "report/svg_chart.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <ranges>
#include <span>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "base/words.hpp"
#include "report/axis.hpp"
#include "report/escape.hpp"

namespace cgmm::report {
namespace {

// The canvas in units of its own; the browser stretches it.
constexpr double kWidth = 1000;
constexpr double kHeight = 250;

/// A set of labels, shown on pages of one width: page.css has the same.
struct Layout {
  std::string_view css_class;
  double plot_px;  // the narrowest plot of such a page
};
constexpr auto kLayouts = std::to_array<Layout>({{"for-wide", 800}, {"for-medium", 450}, {"for-narrow", 190}});

constexpr std::size_t kMostBuckets = 500;  // two points each
constexpr std::size_t kMostColumns = 120;  // that have a tooltip
constexpr std::size_t kMostNamed = 8;      // marks in one tooltip, bands in the legend
constexpr std::size_t kColours = 6;
constexpr double kFarAbove = 3;  // a limit this many times over everything else is not drawn

std::string number(double value) {
  std::array<char, 400> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), value, std::chars_format::fixed, 1).ptr;
  std::string text(digits.begin(), end);
  if (text.ends_with(".0")) text.erase(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string percent(double share) { return number(share * 100) + "%"; }

std::string size(double bytes) { return base::format_bytes(static_cast<std::uint64_t>(std::clamp(bytes, 0.0, 9e18))); }

std::optional<double> drawable(const ChartPoint& point) {
  if (!point.value || !std::isfinite(*point.value)) return std::nullopt;
  return std::clamp(*point.value, 0.0, 1e19);
}

struct Frame {
  double from_us = 0;
  double to_us = 1;
  double top = 1;  // bytes at the upper edge

  double share(double at_us) const { return (at_us - from_us) / (to_us - from_us); }
  double x(double at_us) const { return std::clamp(share(at_us), 0.0, 1.0) * kWidth; }
  double y(double bytes) const { return kHeight - std::min(bytes / top, 1.0) * kHeight; }
  bool holds(double at_us) const { return at_us >= from_us && at_us <= to_us; }
};

struct Spot {
  double at_us = 0;
  double value = 0;
};
using Run = std::vector<Spot>;  // a line without a break

/// As it is, broken where there is no value.
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

/// The extremes of each of so many stretches of time. A break within one can't be seen.
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

/// Of a limit, whose values hold until the next point, what holds within the frame.
std::span<const ChartPoint> holding_points(const Series& series, const Frame& frame) {
  std::span<const ChartPoint> points = series.points;
  while (points.size() > 1 && static_cast<double>(points[1].at_us) <= frame.from_us) points = points.subspan(1);
  while (!points.empty() && static_cast<double>(points.back().at_us) > frame.to_us)
    points = points.first(points.size() - 1);
  return points;
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
  constexpr double kLeastHeight = 1.5;  // a little is not nothing
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

std::string_view css_class(Mark::Kind kind) {
  return kind == Mark::Kind::kill ? "kill" : kind == Mark::Kind::reclaim ? "reclaim" : "other";
}

std::int64_t count_of(const SvgChart& chart, const Frame& frame, Mark::Kind kind) {
  return std::ranges::count_if(
      chart.marks, [&](const Mark& mark) { return mark.kind == kind && frame.holds(static_cast<double>(mark.at_us)); });
}

/// Of many the lines would hide what they explain.
bool are_short(const SvgChart& chart, const Frame& frame, Mark::Kind kind) {
  constexpr std::int64_t kMostAcross = 8;
  return kind == Mark::Kind::reclaim && count_of(chart, frame, kind) > kMostAcross;
}

/// One path for all of a kind; those at the same place are one line.
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

/// The lines behind everything, one for each tick.
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

// ---- What is said in words

/// Of those points that are in the frame.
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

/// A limit that did not change.
bool is_constant(const Series& series, const Frame& frame) {
  if (series.kind != Series::Kind::limit) return false;
  const auto points = holding_points(series, frame);
  return std::ranges::all_of(points, [&](const ChartPoint& one) { return one.value == points.front().value; });
}

bool is_far_above(double limit, double rest) { return rest > 0 && limit > kFarAbove * rest; }

std::string key(std::string_view html) {
  return "<svg class=\"key\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">" + std::string(html) + "</svg>";
}

std::string key_of(const Series& series, std::size_t colour) {
  const std::string at = std::to_string(colour);
  if (series.kind == Series::Kind::limit) return key("<line class=\"limit\" x1=\"0\" y1=\"6\" x2=\"28\" y2=\"6\"/>");
  if (series.kind == Series::Kind::bars) return key("<rect class=\"f" + at + "\" x=\"8\" width=\"12\" height=\"12\"/>");
  const std::string area =
      series.kind == Series::Kind::area ? "<rect class=\"fill f" + at + "\" y=\"3\" width=\"28\" height=\"9\"/>" : "";
  const std::string y = series.kind == Series::Kind::area ? "3" : "6";
  return key(area + "<line class=\"l c" + at + "\" x1=\"0\" y1=\"" + y + "\" x2=\"28\" y2=\"" + y + "\"/>");
}

std::string item(const std::string& key_html, std::string_view text, std::string_view remark) {
  const std::string more = remark.empty() ? "" : " <span>" + escape_html(remark) + "</span>";
  return "<li>" + key_html + escape_html(text) + more + "</li>\n";
}

std::string_view name_of(Mark::Kind kind) {
  switch (kind) {
    case Mark::Kind::kill:
      return "OOM kill";
    case Mark::Kind::reclaim:
      return "reclaim";
    case Mark::Kind::limit:
      return "limit change";
    case Mark::Kind::other:
      break;
  }
  return "other event";
}

constexpr auto kMarkKinds =
    std::to_array<Mark::Kind>({Mark::Kind::kill, Mark::Kind::limit, Mark::Kind::other, Mark::Kind::reclaim});

/// Series in the order of their colours; a limit has none.
std::vector<std::size_t> colours_of(const SvgChart& chart) {
  std::vector<std::size_t> colours;
  std::size_t next = 0;
  for (const Series& series : chart.series) {
    colours.push_back(next % kColours);
    if (series.kind != Series::Kind::limit) ++next;
  }
  return colours;
}

std::string legend(const SvgChart& chart, const Frame& frame, double rest) {
  const std::vector<std::size_t> colours = colours_of(chart);
  std::string out = "<ul class=\"legend\">\n";
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    const std::optional<double> most = largest(series, frame);
    std::string remark = "none";
    if (most) remark = (is_constant(series, frame) ? "" : "up to ") + size(*most);
    if (series.kind == Series::Kind::limit && most && is_far_above(*most, rest)) remark += ", far above";
    out += item(key_of(series, colours[i]), series.label, remark);
  }
  for (const Mark::Kind kind : kMarkKinds) {
    const std::int64_t count = count_of(chart, frame, kind);
    if (count == 0) continue;
    const std::string line = "<line class=\"mark " + std::string(css_class(kind)) +
                             (are_short(chart, frame, kind) ? " short" : "") +
                             "\" x1=\"14\" y1=\"0\" x2=\"14\" y2=\"12\"/>";
    out += item(key(line), base::counted(count, name_of(kind)), "");
  }
  std::map<std::string, std::size_t> bands;
  for (const Band& band : chart.bands) {
    if (!drawn(band, frame).empty()) ++bands[band.label];
  }
  std::size_t shown = 0;
  for (const auto& [label, count] : bands) {
    if (shown++ == kMostNamed) break;
    out += item(key("<rect class=\"band\" x=\"4\" width=\"20\" height=\"12\"/>"), label,
                count > 1 ? std::to_string(count) + " times" : "");
  }
  return out + "</ul>\n";
}

/// The stretches of time that have a tooltip: the bars where there are some, else columns of one width.
std::vector<std::pair<double, double>> columns_of(const SvgChart& chart, const Frame& frame) {
  std::vector<std::pair<double, double>> columns;
  for (const Series& series : chart.series) {
    if (series.kind != Series::Kind::bars || series.bar_us <= 0) continue;
    for (const ChartPoint& one : series.points) {
      const auto begin_us = static_cast<double>(one.at_us);
      columns.emplace_back(begin_us, begin_us + static_cast<double>(series.bar_us));
    }
    return columns;
  }
  const double width_us = (frame.to_us - frame.from_us) / static_cast<double>(kMostColumns);
  for (std::size_t i = 0; i < kMostColumns; ++i) {
    const double begin_us = frame.from_us + width_us * static_cast<double>(i);
    columns.emplace_back(begin_us, begin_us + width_us);
  }
  return columns;
}

/// The largest value of each column that there is.
std::vector<std::optional<double>> column_values(const Series& series,
                                                 const std::vector<std::pair<double, double>>& columns) {
  std::vector<std::optional<double>> values(columns.size());
  for (const ChartPoint& one : series.points) {
    const auto at_us = static_cast<double>(one.at_us);
    const auto after = std::ranges::upper_bound(columns, at_us, {}, &std::pair<double, double>::first);
    if (after == columns.begin()) continue;
    const auto column = static_cast<std::size_t>(after - columns.begin()) - 1;
    const std::optional<double> value = drawable(one);
    if (value && at_us <= columns[column].second) values[column] = std::max(values[column].value_or(0), *value);
  }
  return values;
}

/// Where the mouse is, what was.
std::string tooltips(const SvgChart& chart, const Frame& frame) {
  const auto columns = columns_of(chart, frame);
  std::vector<std::vector<std::optional<double>>> values;
  for (const Series& series : chart.series) values.push_back(column_values(series, columns));
  std::string out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto [begin_us, end_us] = columns[i];
    std::string text;
    for (std::size_t one = 0; one < values.size(); ++one) {
      if (values[one][i]) text += "\n" + escape_html(chart.series[one].label) + " " + size(*values[one][i]);
    }
    std::size_t named = 0;
    for (const Mark& mark : chart.marks) {
      const auto at_us = static_cast<double>(mark.at_us);
      const bool is_last = i + 1 == columns.size() && at_us == end_us;
      if (at_us < begin_us || (at_us >= end_us && !is_last) || named++ >= kMostNamed) continue;
      text += "\n" + base::format_utc(mark.at_us) + " " + escape_html(mark.label);
    }
    for (const Band& band : chart.bands) {
      const bool is_in = static_cast<double>(band.from_at_us)<end_us&& static_cast<double>(band.to_at_us)> begin_us;
      if (is_in) text += "\n" + escape_html(band.label);
    }
    const double left = frame.x(begin_us), right = frame.x(end_us);
    if (text.empty() || right <= left) continue;
    out += "<rect class=\"hit\" x=\"" + number(left) + "\" width=\"" + number(right - left) + "\" height=\"" +
           number(kHeight) + "\"><title>" + base::format_utc(instant(begin_us)) + text + "</title></rect>\n";
  }
  return out;
}

/// The labels of marks over the plot, those that matter most first, as far as there is room.
std::string notes(const SvgChart& chart, const Frame& frame, const Layout& layout) {
  const double length_px = layout.plot_px;
  std::vector<std::pair<double, double>> taken;
  std::string labels;
  for (const Mark::Kind kind : kMarkKinds) {
    if (are_short(chart, frame, kind)) continue;
    for (const Mark& mark : chart.marks) {
      if (mark.kind != kind || mark.label.empty() || !frame.holds(static_cast<double>(mark.at_us))) continue;
      const double share = frame.share(static_cast<double>(mark.at_us));
      const double at_px = share * length_px, width_px = label_px(mark.label);
      const bool begins = at_px<width_px / 2, ends = at_px> length_px - width_px / 2;
      const double left = begins ? at_px : ends ? at_px - width_px : at_px - width_px / 2;
      const bool fits = width_px < length_px && left >= 0 && left + width_px <= length_px &&
                        std::ranges::none_of(
                            taken,
                            [&](const auto& other) {
                              return left < other.second + kApart_px && left + width_px + kApart_px > other.first;
                            });
      if (!fits) continue;
      taken.emplace_back(left, left + width_px);
      labels += "<span class=\"ax at " + std::string(css_class(kind)) +
                (begins ? " begin"
                 : ends ? " end"
                        : "") +
                "\" style=\"left:" + percent(share) + "\">" + escape_html(mark.label) + "</span>";
    }
  }
  return "<div class=\"notes " + std::string(labels.empty() ? "" : "some ") + std::string(layout.css_class) +
         "\" aria-hidden=\"true\">" + labels + "</div>\n";
}

std::string byte_axis(const std::vector<AxisTick>& ticks) {
  std::string widest, labels;
  for (const AxisTick& tick : ticks) {
    if (tick.label.size() > widest.size()) widest = tick.label;
    labels += "<span class=\"ax at\" style=\"bottom:" + percent(tick.share) + "\">" + tick.label + "</span>";
  }
  return "<div class=\"y\" aria-hidden=\"true\"><span class=\"wide\">" + widest + "</span>" + labels + "</div>\n";
}

std::string time_axis(const Frame& frame, const Layout& layout) {
  std::string labels;
  for (const AxisTick& tick : time_ticks(instant(frame.from_us), instant(frame.to_us), layout.plot_px)) {
    if (tick.label.empty()) continue;
    labels += "<span class=\"ax at\" style=\"left:" + percent(tick.share) + "\">" + tick.label +
              (tick.below.empty() ? "" : "<small>" + tick.below + "</small>") + "</span>";
  }
  return "<div class=\"x " + std::string(layout.css_class) + "\" aria-hidden=\"true\">" + labels + "</div>\n";
}

/// For those who do not see it.
std::string in_words(const SvgChart& chart, const Frame& frame) {
  std::string text = (chart.title.empty() ? "Chart" : chart.title) + ", " + base::format_utc(instant(frame.from_us)) +
                     " to " + base::format_utc(instant(frame.to_us));
  for (const Series& series : chart.series) {
    if (const auto most = largest(series, frame)) text += "; " + series.label + " up to " + size(*most);
  }
  for (const Mark::Kind kind : kMarkKinds) {
    if (const std::int64_t count = count_of(chart, frame, kind); count > 0)
      text += "; " + base::counted(count, name_of(kind));
  }
  return text;
}

/// nullopt where there is neither a time nor a point.
std::optional<Frame> time_frame(const SvgChart& chart) {
  Frame frame{.from_us = static_cast<double>(chart.from_at_us), .to_us = static_cast<double>(chart.to_at_us), .top = 1};
  if (chart.from_at_us == 0 && chart.to_at_us == 0) {
    bool any = false;
    for (const Series& series : chart.series) {
      for (const ChartPoint& one : series.points) {
        const auto begin_us = static_cast<double>(one.at_us);
        const double end_us = begin_us + static_cast<double>(series.bar_us);
        frame.from_us = any ? std::min(frame.from_us, begin_us) : begin_us;
        frame.to_us = any ? std::max(frame.to_us, end_us) : end_us;
        any = true;
      }
    }
    if (!any) return std::nullopt;
  }
  frame.to_us = std::max(frame.to_us, frame.from_us + base::kSecond_us);
  return frame;
}

}  // namespace

std::string svg_chart(const SvgChart& chart) {
  std::string out = "<figure class=\"chart\">\n";
  if (!chart.title.empty()) out += "<figcaption>" + escape_html(chart.title) + "</figcaption>\n";
  std::optional<Frame> frame = time_frame(chart);
  double rest = 0, top = 0;
  bool any = frame && !chart.marks.empty();
  for (const Series& series : chart.series) {
    const std::optional<double> most = frame ? largest(series, *frame) : std::nullopt;
    any = any || most;
    if (series.kind != Series::Kind::limit) rest = std::max(rest, most.value_or(0));
  }
  if (!any) return out + "<p class=\"remark\">(no samples)</p>\n</figure>\n";

  std::vector<bool> is_shown;
  for (const Series& series : chart.series) {
    const double most = largest(series, *frame).value_or(0);
    is_shown.push_back(series.kind != Series::Kind::limit || !is_far_above(most, rest));
    if (is_shown.back()) top = std::max(top, most);
  }
  const std::vector<AxisTick> bytes = byte_ticks(top);
  frame->top = byte_step(top) * static_cast<double>(bytes.size() - 1);  // where the last tick is

  out += legend(chart, *frame, rest) + "<div class=\"plot\">\n";
  for (const Layout& layout : kLayouts) out += notes(chart, *frame, layout);
  out += byte_axis(bytes) + "<div class=\"canvas\"><svg viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) +
         "\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" + escape_html(in_words(chart, *frame)) + "\">\n";
  out += grid(bytes, *frame);
  for (const Band& band : chart.bands) out += drawn(band, *frame);
  const std::vector<std::size_t> colours = colours_of(chart);
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    if (is_shown[i]) out += drawn(chart.series[i], colours[i], *frame);
  }
  for (const Mark::Kind kind : kMarkKinds | std::views::reverse) {
    out += drawn(chart, kind, *frame);
  }
  out += tooltips(chart, *frame) + "</svg></div>\n<div class=\"zone\" aria-hidden=\"true\">UTC</div>\n";
  for (const Layout& layout : kLayouts) out += time_axis(*frame, layout);
  return out + "</div>\n</figure>\n";
}

}  // namespace cgmm::report
