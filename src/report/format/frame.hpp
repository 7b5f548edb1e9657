// SPDX-License-Identifier: Apache-2.0
#pragma once

// The canvas of an SVG chart, and where on it a time and an amount are. Pure: any thread.

#include <algorithm>
#include <cstdint>

#include "report/format/chart.hpp"

namespace cgmm::report {

// In units of its own; the browser stretches it.
inline constexpr double kWidth = 1000;
inline constexpr double kHeight = 250;

/// What the canvas shows: a time, and bytes from 0 to `top`.
struct Frame {
  std::int64_t from_at_us = 0, to_at_us = 1;
  double top = 1;

  bool holds(std::int64_t at_us) const { return at_us >= from_at_us && at_us <= to_at_us; }
  double share(std::int64_t at_us) const {
    return (static_cast<double>(at_us) - static_cast<double>(from_at_us)) / static_cast<double>(to_at_us - from_at_us);
  }
  double x(std::int64_t at_us) const { return std::clamp(share(at_us), 0.0, 1.0) * kWidth; }
  double y(double bytes) const { return kHeight - std::min(bytes / top, 1.0) * kHeight; }
};

Frame frame_of(const SvgChart& chart);

/// Only what is in the frame and can be drawn.
SvgChart cropped(const SvgChart& whole, const Frame& frame);

}  // namespace cgmm::report
