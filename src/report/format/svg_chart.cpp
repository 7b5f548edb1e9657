// SPDX-License-Identifier: Apache-2.0
#include "report/format/svg_chart.hpp"

#include <algorithm>
#include <optional>
#include <ranges>

#include "base/time.hpp"
#include "report/format/svg_parts.hpp"

namespace cgmm::report {
namespace {

/// nullopt: there is neither a time nor a point.
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
