// SPDX-License-Identifier: Apache-2.0
#include "report/format/frame.hpp"

#include <cstddef>
#include <vector>

#include "base/time.hpp"

namespace cgmm::report {
namespace {

/// A limit holds until its next point, so the last point before the frame belongs to it.
bool is_in(const Frame& frame, const Series& series, std::size_t point) {
  const std::int64_t at_us = series.points[point].at_us;
  if (series.kind == Series::Kind::bars) return at_us >= frame.from_at_us - series.bar_us && at_us <= frame.to_at_us;
  if (series.kind != Series::Kind::limit) return frame.holds(at_us);
  const bool is_over = point + 1 < series.points.size() && series.points[point + 1].at_us <= frame.from_at_us;
  return at_us <= frame.to_at_us && !is_over;
}

}  // namespace

Frame frame_of(const SvgChart& chart) {
  constexpr std::int64_t kFarthest_us = 4'000'000'000'000'000'000;  // no difference of two times overflows
  const std::int64_t from_at_us = std::clamp(chart.from_at_us, -kFarthest_us, kFarthest_us);
  const std::int64_t least_us = from_at_us + base::kSecond_us;
  return {.from_at_us = from_at_us, .to_at_us = std::clamp(chart.to_at_us, least_us, kFarthest_us + base::kSecond_us)};
}

SvgChart cropped(const SvgChart& whole, const Frame& frame) {
  SvgChart chart{.series = {}, .marks = whole.marks, .bands = whole.bands};
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

}  // namespace cgmm::report
