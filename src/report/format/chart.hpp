// SPDX-License-Identifier: Apache-2.0
#pragma once

// A chart of memory over time: of block characters for a terminal, or for an HTML page (page.css has its styles). There
// the drawing is SVG that stretches to the page's width. The labels are HTML, so they keep their size on a phone; there
// is one set for each of three page widths, so that labels do not overlap. Tooltips work without a script. Pure: any
// thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/format/render.hpp"

namespace cgmm::report {

struct ChartPoint {
  std::int64_t at_us = 0;
  std::optional<double> value;   // nullopt: no sample, a gap in the chart
  std::optional<double> peak{};  // the highest from here to the next point, if it is known
};

/// Finite and at least 0; nullopt: there is nothing to draw.
std::optional<double> drawable(const ChartPoint& point);

/// With the peaks. nullopt: no point can be drawn.
std::optional<double> largest(std::span<const ChartPoint> points);

/// Of each stretch of time the smallest and the largest; and the interruptions between stretches.
std::vector<ChartPoint> thinned(std::span<const ChartPoint> points, std::int64_t from_at_us, std::int64_t to_at_us,
                                int stretches);

/// A block for each point, from the lowest to the highest. What changes by less than a tenth is nearly flat. `unknown`:
/// the sign of a point that is not known.
std::string trend_line(std::span<const std::optional<double>> points, std::string_view unknown);

/// A limit far above the rest is not drawn: the rest would be too small to see.
inline bool is_far_above(double limit, double rest) { return rest > 0 && limit > 3 * rest; }

/// An event at one time.
struct Mark {
  enum class Kind : std::uint8_t { kill, reclaim, restart, limit };
  std::int64_t at_us = 0;
  std::string label;  // shown above its line if there is room, and in the tooltip
  Kind kind = Kind::kill;
  std::int64_t count = 1;  // how many it stands for
};

/// "OOM kill: nginx", "12 kills: nginx". `whom` "": not known.
std::string kill_label(std::int64_t count, std::string_view whom);

/// What is drawn in addition to the points.
struct ChartMarks {
  std::optional<double> top{};    // the chart reaches at least up to this
  std::optional<double> limit{};  // a line; not if it is far above the rest
  std::vector<Mark> marks{};      // kills, reclaims and restarts, each kind on a line below the time axis
};

/// As wide as the terminal, but 32 columns at least. `points` are in order of time. A column is filled up to its lowest
/// point and shaded up to its highest. The vertical axis begins at 0 and has round labels in bytes, the horizontal one
/// round times. If all is 0, it is one line of text.
std::string chart(std::string_view title, std::span<const ChartPoint> points, std::size_t height, const Style& style,
                  const ChartMarks& marks = {});

/// What the signs in such charts mean, once for all of them.
std::string chart_signs(const ChartMarks& marks, const Style& style);

/// Values in bytes, at least 0, in order of time. A point without a value interrupts the line. If there are too many
/// points, only the smallest and largest of each stretch are drawn.
struct Series {
  enum class Kind : std::uint8_t {
    area,
    line,
    limit,  // a dashed line, constant until the next point; if far above the rest, only named in the legend
    bars,   // from each point on, over bar_us; later series are in front
  };
  std::string label;
  std::vector<ChartPoint> points;
  Kind kind = Kind::line;
  std::int64_t bar_us = 0;
};

/// A highlighted time, such as a gap.
struct Band {
  std::int64_t from_at_us = 0;
  std::int64_t to_at_us = 0;
  std::string label;
};

struct SvgChart {
  std::int64_t from_at_us = 0;
  std::int64_t to_at_us = 0;
  std::vector<Series> series;
  std::vector<Mark> marks;
  std::vector<Band> bands;
};

/// A <figure> with its legend. All texts are escaped here.
std::string svg_chart(const SvgChart& chart);

}  // namespace cgmm::report
