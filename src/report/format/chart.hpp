// SPDX-License-Identifier: Apache-2.0
#pragma once

// A chart of block characters for a terminal: a cgroup's memory over time. Pure: any thread.

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

/// What is drawn in addition to the points.
struct ChartMarks {
  std::optional<double> top;          // the chart reaches at least up to this
  bool has_line = false;              // draw a line there: it is a limit
  std::optional<std::int64_t> at_us;  // a time to mark below the time axis...
  std::string_view label;             // ... with this word, safe for a terminal
};

/// `points` are in order of time. A column with several points shows the largest. The vertical axis begins at 0 and has
/// labels in bytes, the horizontal one in UTC.
std::string chart(std::string_view title, std::span<const ChartPoint> points, std::size_t height, const Style& style,
                  const ChartMarks& marks = {});

}  // namespace cgmm::report
