// SPDX-License-Identifier: Apache-2.0
#pragma once

// What svg_chart.cpp, svg_shapes.cpp and svg_words.cpp share. They take a chart that holds only what is in its frame.
// Pure: any thread.

#include <algorithm>
#include <array>
#include <cstdint>
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
struct PageWidth {
  std::string_view css_class;
  double plot_px;  // the narrowest plot of such a page
};
inline constexpr auto kPageWidths =
    std::to_array<PageWidth>({{"for-wide", 800}, {"for-medium", 450}, {"for-narrow", 190}});

struct MarkKind {
  Mark::Kind kind;
  std::string_view css_class;
  std::string_view name;
};
/// The most important first.
inline constexpr auto kMarkKinds = std::to_array<MarkKind>({{Mark::Kind::kill, "kill", "OOM kill"},
                                                            {Mark::Kind::limit, "other", "limit change"},
                                                            {Mark::Kind::other, "other", "other event"},
                                                            {Mark::Kind::reclaim, "reclaim", "reclaim"}});

/// What the canvas shows: a time, and bytes from 0 to `top`.
struct Frame {
  std::int64_t from_at_us = 0, to_at_us = 1;
  double top = 1;

  bool holds(std::int64_t at_us) const { return at_us >= from_at_us && at_us <= to_at_us; }
  double share(std::int64_t at_us) const {
    const auto from_us = static_cast<double>(from_at_us);
    return (static_cast<double>(at_us) - from_us) / (static_cast<double>(to_at_us) - from_us);
  }
  double x(std::int64_t at_us) const { return std::clamp(share(at_us), 0.0, 1.0) * kWidth; }
  double y(double bytes) const { return kHeight - std::min(bytes / top, 1.0) * kHeight; }
};

/// `at_us` plus a duration, without overflow.
std::int64_t later(std::int64_t at_us, std::int64_t duration_us);

/// Short marks have no labels: long ones in great number would hide what they explain.
inline bool are_short(const SvgChart& chart, Mark::Kind kind) {
  return kind == Mark::Kind::reclaim && std::ranges::count(chart.marks, kind, &Mark::kind) > 8;
}

/// The lines behind everything, one for each tick.
std::string grid(const std::vector<AxisTick>& bytes, const Frame& frame);
std::string drawn(const Band& band, const Frame& frame);
std::string drawn(const Series& series, std::size_t colour, const Frame& frame);
/// One path for all marks of a kind.
std::string drawn(const SvgChart& chart, const MarkKind& kind, const Frame& frame);

/// `rest` is the largest value that is no limit's.
std::string legend(const SvgChart& chart, double rest);
/// What was at the time that the mouse points at.
std::string tooltips(const SvgChart& chart, const Frame& frame);
/// The labels of marks over the plot, as far as there is room.
std::string notes(const SvgChart& chart, const Frame& frame, const PageWidth& page);

}  // namespace cgmm::report
