// SPDX-License-Identifier: Apache-2.0
#include "report/format/svg_chart.hpp"

#include <algorithm>
#include <optional>
#include <ranges>

#include "base/time.hpp"
#include "base/units.hpp"
#include "base/words.hpp"
#include "report/format/layout.hpp"
#include "report/format/svg_parts.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kFirst_at_us = -9'200'000'000'000'000'000, kLast_at_us = -kFirst_at_us;

/// nullopt: there is neither a time nor a point.
std::optional<Frame> time_frame(const SvgChart& chart) {
  std::int64_t from_at_us = chart.from_at_us, to_at_us = chart.to_at_us;
  if (from_at_us == 0 && to_at_us == 0) {
    from_at_us = kLast_at_us, to_at_us = kFirst_at_us;
    for (const Series& series : chart.series) {
      for (const ChartPoint& one : series.points) {
        from_at_us = std::min(from_at_us, one.at_us);
        to_at_us = std::max(to_at_us, later(one.at_us, series.bar_us));
      }
    }
    if (from_at_us > to_at_us) return std::nullopt;
  }
  from_at_us = std::clamp(from_at_us, kFirst_at_us, kLast_at_us);
  return Frame{.from_at_us = from_at_us, .to_at_us = std::max(to_at_us, from_at_us + base::kSecond_us), .top = 1};
}

/// A limit holds until its next point, so the last point before the frame belongs to it.
bool is_in(const Frame& frame, const Series& series, std::size_t point) {
  const std::int64_t at_us = series.points[point].at_us;
  if (series.kind == Series::Kind::bars && frame.holds(later(at_us, series.bar_us))) return true;
  if (series.kind != Series::Kind::limit) return frame.holds(at_us);
  const bool is_over = point + 1 < series.points.size() && series.points[point + 1].at_us <= frame.from_at_us;
  return at_us <= frame.to_at_us && !is_over;
}

/// Only what is in the frame and can be drawn.
SvgChart cropped(const SvgChart& whole, const Frame& frame) {
  SvgChart chart{.title = whole.title, .series = {}, .marks = whole.marks, .bands = whole.bands};
  for (const Series& series : whole.series) {
    Series& crop = chart.series.emplace_back(Series{series.label, {}, series.kind, series.bar_us});
    for (std::size_t i = 0; i < series.points.size(); ++i) {
      if (is_in(frame, series, i)) crop.points.push_back({series.points[i].at_us, drawable(series.points[i])});
    }
    std::ranges::stable_sort(crop.points, {}, &ChartPoint::at_us);
  }
  std::erase_if(chart.marks, [&](const Mark& mark) { return !frame.holds(mark.at_us); });
  std::erase_if(chart.bands, [&](const Band& band) { return frame.x(band.to_at_us) <= frame.x(band.from_at_us); });
  return chart;
}

std::string byte_axis(const std::vector<AxisTick>& ticks) {
  std::string widest, labels;
  for (const AxisTick& tick : ticks) {
    if (tick.label.size() > widest.size()) widest = tick.label;
    labels += "<span class=\"ax at\" style=\"bottom:" + decimal(tick.share * 100, 1) + "%\">" + tick.label + "</span>";
  }
  return "<div class=\"y\" aria-hidden=\"true\"><span class=\"wide\">" + widest + "</span>" + labels + "</div>\n";
}

std::string time_axis(const Frame& frame, const PageWidth& page) {
  std::string labels;
  for (const AxisTick& tick : time_ticks(frame.from_at_us, frame.to_at_us, page.plot_px)) {
    if (tick.label.empty()) continue;
    labels += "<span class=\"ax at\" style=\"left:" + decimal(tick.share * 100, 1) + "%\">" + tick.label +
              (tick.below.empty() ? "" : "<small>" + tick.below + "</small>") + "</span>";
  }
  return "<div class=\"x " + std::string(page.css_class) + "\" aria-hidden=\"true\">" + labels + "</div>\n";
}

/// For those who do not see the chart.
std::string in_words(const SvgChart& chart, const Frame& frame) {
  std::string text = (chart.title.empty() ? "Chart" : chart.title) + ", " + base::format_utc(frame.from_at_us) +
                     " to " + base::format_utc(frame.to_at_us);
  for (const Series& series : chart.series) {
    if (const auto most = largest(series.points)) text += "; " + series.label + " up to " + size_text(*most);
  }
  for (const MarkKind& kind : kMarkKinds) {
    const auto count = std::ranges::count(chart.marks, kind.kind, &Mark::kind);
    if (count > 0) text += "; " + base::counted(count, kind.name);
  }
  return text;
}

}  // namespace

std::int64_t later(std::int64_t at_us, std::int64_t duration_us) {
  return at_us > kLast_at_us - duration_us ? kLast_at_us : at_us + duration_us;
}

std::string svg_chart(const SvgChart& whole) {
  std::string out = "<figure class=\"chart\">\n";
  if (!whole.title.empty()) out += "<figcaption>" + escape_html(whole.title) + "</figcaption>\n";
  std::optional<Frame> frame = time_frame(whole);
  const SvgChart chart = frame ? cropped(whole, *frame) : SvgChart{};
  double rest = 0, top = 0;
  bool any = frame && !whole.marks.empty();
  for (const Series& series : chart.series) {
    const std::optional<double> most = largest(series.points);
    any = any || most;
    if (series.kind != Series::Kind::limit) rest = std::max(rest, most.value_or(0));
  }
  if (!any) return out + "<p class=\"remark\">(no samples)</p>\n</figure>\n";

  std::vector<bool> is_shown;
  for (const Series& series : chart.series) {
    const double most = largest(series.points).value_or(0);
    is_shown.push_back(series.kind != Series::Kind::limit || !is_far_above(most, rest));
    if (is_shown.back()) top = std::max(top, most);
  }
  const std::vector<AxisTick> bytes = byte_ticks(top);
  frame->top = byte_step(top) * static_cast<double>(bytes.size() - 1);  // where the last tick is

  out += legend(chart, rest) + "<div class=\"plot\">\n";
  for (const PageWidth& page : kPageWidths) out += notes(chart, *frame, page);
  out += byte_axis(bytes) + "<div class=\"canvas\"><svg viewBox=\"0 0 " + decimal(kWidth, 0) + " " +
         decimal(kHeight, 0) + "\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" +
         escape_html(in_words(chart, *frame)) + "\">\n" + grid(bytes, *frame);
  for (const Band& band : chart.bands) out += drawn(band, *frame);
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    if (is_shown[i]) out += drawn(chart.series[i], i, *frame);
  }
  for (const MarkKind& kind : kMarkKinds | std::views::reverse) out += drawn(chart, kind, *frame);
  out += tooltips(chart, *frame) + "</svg></div>\n<div class=\"zone\" aria-hidden=\"true\">UTC</div>\n";
  for (const PageWidth& page : kPageWidths) out += time_axis(*frame, page);
  return out + "</div>\n</figure>\n";
}

}  // namespace cgmm::report
