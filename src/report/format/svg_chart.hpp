// SPDX-License-Identifier: Apache-2.0
#pragma once

// A chart of memory over time for an HTML page (page.css has its styles). The drawing is SVG that stretches to the
// page's width. The labels are HTML, so they keep their size on a phone; there is one set for each of three page
// widths, so that labels do not overlap. Tooltips work without a script. Pure: any thread.

#include <cstdint>
#include <string>
#include <vector>

#include "report/format/chart.hpp"

namespace cgmm::report {

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

/// An event at one time.
struct Mark {
  enum class Kind : std::uint8_t { kill, reclaim, limit, other };
  std::int64_t at_us = 0;
  std::string label;  // shown above its line if there is room, and in the tooltip
  Kind kind = Kind::other;
};

/// A highlighted time, such as a gap.
struct Band {
  std::int64_t from_at_us = 0;
  std::int64_t to_at_us = 0;
  std::string label;
};

struct SvgChart {
  std::string title;  // "": none
  std::int64_t from_at_us = 0;
  std::int64_t to_at_us = 0;  // with from_at_us 0 as well: from the first point to the last
  std::vector<Series> series;
  std::vector<Mark> marks;
  std::vector<Band> bands;
};

/// A <figure> with its legend. All texts are escaped here.
std::string svg_chart(const SvgChart& chart);

}  // namespace cgmm::report
