// SPDX-License-Identifier: Apache-2.0
#pragma once

// A chart for a page in a browser (html_page has its styles): what memory did over time, drawn in SVG that
// stretches to the page's width. The labels are HTML beside it, so that they keep their size on a phone; of
// those there is a set for each of three page widths, laid out so that none is on top of another. What the
// mouse points at is told in a tooltip, without a script. Pure: any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/format/chart.hpp"

namespace cgmm::report {

/// Values in bytes, never below 0, in order of time. A point without a value breaks a line. Of more points
/// than can be seen the smallest and the largest are kept.
struct Series {
  enum class Kind : std::uint8_t {
    area,
    line,
    limit,  // a dashed line that holds until the next point; one far above the rest is named, not drawn
    bars,   // from each point on, over bar_us; those of a later series stand in front
  };
  std::string label;
  std::vector<ChartPoint> points;
  Kind kind = Kind::line;
  std::int64_t bar_us = 0;
};

/// Something that happened at one moment.
struct Mark {
  enum class Kind : std::uint8_t { kill, reclaim, limit, other };
  std::int64_t at_us = 0;
  std::string label;  // shown over its line where there is room, and in the tooltip
  Kind kind = Kind::other;
};

/// A time of its own, such as one in which nobody looked.
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
