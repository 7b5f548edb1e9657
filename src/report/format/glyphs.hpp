// SPDX-License-Identifier: Apache-2.0
#pragma once

// Every character of a chart for a terminal that is not ASCII. Each is one column wide.

#include <array>
#include <string_view>

namespace cgmm::report::glyph {

/// From nothing to a whole cell, in eighths.
inline constexpr std::array<std::string_view, 9> kBlocks = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
inline constexpr std::string_view kShade = "▒";  // between the lowest and the highest
inline constexpr std::string_view kLimit = "╌";

inline constexpr std::string_view kAxis = "│";
inline constexpr std::string_view kAxisTick = "┤";
inline constexpr std::string_view kCorner = "└";
inline constexpr std::string_view kBase = "─";
inline constexpr std::string_view kBaseTick = "┬";

inline constexpr std::string_view kKill = "▲";
inline constexpr std::string_view kReclaim = "▼";
inline constexpr std::string_view kRestart = "↻";

}  // namespace cgmm::report::glyph
