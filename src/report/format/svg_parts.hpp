// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of svg_chart share: the canvas, and what each draws on it. Only for svg_*.cpp. Pure: any thread.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/format/axis.hpp"
#include "report/format/svg_chart.hpp"

namespace cgmm::report {

// The canvas in units of its own; the browser stretches it.
inline constexpr double kWidth = 1000;
inline constexpr double kHeight = 250;

/// A set of labels, shown on pages of one width: page.css has the same.
struct Layout {
  std::string_view css_class;
  double plot_px;  // the narrowest plot of such a page
};
inline constexpr auto kLayouts = std::to_array<Layout>({{"for-wide", 800}, {"for-medium", 450}, {"for-narrow", 190}});

/// In the order of their weight.
inline constexpr auto kMarkKinds =
    std::to_array<Mark::Kind>({Mark::Kind::kill, Mark::Kind::limit, Mark::Kind::other, Mark::Kind::reclaim});

struct Frame {
  double from_us = 0;
  double to_us = 1;
  double top = 1;  // bytes at the upper edge

  double share(double at_us) const { return (at_us - from_us) / (to_us - from_us); }
  double x(double at_us) const { return std::clamp(share(at_us), 0.0, 1.0) * kWidth; }
  double y(double bytes) const { return kHeight - std::min(bytes / top, 1.0) * kHeight; }
  bool holds(double at_us) const { return at_us >= from_us && at_us <= to_us; }
};

/// "12.3", "12": to a tenth.
std::string number(double value);

/// nullopt: there is nothing to be drawn.
std::optional<double> drawable(const ChartPoint& point);

std::string_view css_class(Mark::Kind kind);

/// How many are in the frame.
std::int64_t count_of(const SvgChart& chart, const Frame& frame, Mark::Kind kind);

/// Of many the lines would hide what they explain.
bool are_short(const SvgChart& chart, const Frame& frame, Mark::Kind kind);

/// Of a limit, whose values hold until the next point, what holds within the frame.
std::span<const ChartPoint> holding_points(const Series& series, const Frame& frame);

/// Of those points that are in the frame.
std::optional<double> largest(const Series& series, const Frame& frame);

/// Of each series; a limit has none.
std::vector<std::size_t> colours_of(const SvgChart& chart);

/// A limit far above everything else is not drawn.
inline bool is_far_above(double limit, double rest) { return rest > 0 && limit > 3 * rest; }

// ---- Shapes

std::string drawn(const Series& series, std::size_t colour, const Frame& frame);
/// One path for all marks of a kind; those at the same place are one line.
std::string drawn(const SvgChart& chart, Mark::Kind kind, const Frame& frame);
/// "" where it is not in the frame.
std::string drawn(const Band& band, const Frame& frame);
/// The lines behind everything, one for each tick.
std::string grid(const std::vector<AxisTick>& bytes, const Frame& frame);

// ---- Words

/// `rest` is the largest value that is no limit's.
std::string legend(const SvgChart& chart, const Frame& frame, double rest);
/// What was at the time that the mouse points at.
std::string tooltips(const SvgChart& chart, const Frame& frame);
/// The labels of marks over the plot, those that matter most first, as far as there is room.
std::string notes(const SvgChart& chart, const Frame& frame, const Layout& layout);
std::string byte_axis(const std::vector<AxisTick>& ticks);
std::string time_axis(const Frame& frame, const Layout& layout);
/// For those who do not see the chart.
std::string in_words(const SvgChart& chart, const Frame& frame);

}  // namespace cgmm::report
