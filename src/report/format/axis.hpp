// SPDX-License-Identifier: Apache-2.0
#pragma once

// Positions and texts of the labels of a chart's axes: round sizes, and round times. Pure: any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/format/escape.hpp"

namespace cgmm::report {

inline constexpr double kCharacter_px = 7.2;  // width in the widest of the fonts
inline constexpr double kApart_px = 10;       // space between two labels

inline double label_px(std::string_view text) { return static_cast<double>(display_width(text)) * kCharacter_px; }

/// One label of an axis.
struct AxisTick {
  double share = 0;   // of the axis' length, 0 to 1
  std::string label;  // "256 MiB"; "03:10", "23 Nov"
  std::string below;  // the day or the year, at its begin; else ""
};

/// The distance between two labels.
double byte_step(double largest_bytes);

/// Four to six labels, from 0 to the end of the axis, which is at or above `largest_bytes`.
std::vector<AxisTick> byte_ticks(double largest_bytes);

/// Labels at round times in UTC or, where that is shown, in the machine's zone; as many as fit on an axis of this
/// length. A label that would reach over the end is "".
std::vector<AxisTick> time_ticks(std::int64_t from_at_us, std::int64_t to_at_us, double length_px);

}  // namespace cgmm::report
