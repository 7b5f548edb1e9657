// SPDX-License-Identifier: Apache-2.0
#pragma once

// A chart of block characters for a terminal: a cgroup's memory over time; and what it shares with SVG charts. Pure:
// any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "report/format/render.hpp"

namespace cgmm::report {

struct ChartPoint {
  std::int64_t at_us = 0;
  std::optional<double> value;  // nullopt: no sample, a gap in the chart
};

/// Finite and at least 0; nullopt: there is nothing to draw.
std::optional<double> drawable(const ChartPoint& point);

/// nullopt: no point can be drawn.
std::optional<double> largest(std::span<const ChartPoint> points);

/// A limit far above the rest is not drawn: the rest would be too small to see.
inline bool is_far_above(double limit, double rest) { return rest > 0 && limit > 3 * rest; }

/// "1.5 GiB"
std::string size_text(double bytes);

/// What is drawn in addition to the points.
struct ChartMarks {
  std::optional<double> top;               // the chart reaches at least up to this
  bool has_line = false;                   // draw a line there: it is a limit
  std::optional<std::int64_t> kill_at_us;  // marked below the time axis
};

/// `points` are in order of time. A column with several points shows the largest. The vertical axis begins at 0 and has
/// labels in bytes, the horizontal one in UTC.
std::string chart(std::string_view title, std::span<const ChartPoint> points, std::size_t height, const Style& style,
                  const ChartMarks& marks = {});

}  // namespace cgmm::report
