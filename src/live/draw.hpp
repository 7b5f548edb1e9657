// SPDX-License-Identifier: Apache-2.0
#pragma once

// The lines of the screen. Pure: any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "live/app.hpp"
#include "live/frame.hpp"

namespace cgmm::live {

/// One above the list (the instant), one for the headings.
inline constexpr std::size_t kLinesAbove = 2;
/// Below the list the strip, its times, and the keys; only these on a screen that has hardly room for a list.
inline bool has_strip(const Size& size) { return size.rows >= 8; }
inline std::size_t lines_below(const Size& size) { return has_strip(size) ? 3 : 1; }

/// `faults`: of the service; "": none.
Line title_line(const Clock& clock, const Instant& instant, const List& list, const std::string& faults,
                LineWriter line);
Line heading_line(const List& list, LineWriter line, std::size_t columns);
Line row_line(const ListRow& row, bool is_selected, const Instant& instant, const List& list, LineWriter line,
              std::size_t columns);
/// The history from its begin to its end, with the point in time that is shown.
Line strip_line(const Strip& strip, std::int64_t point_us, LineWriter line, std::size_t columns);
Line strip_times_line(const Strip& strip, std::int64_t point_us, LineWriter line, std::size_t columns);
Line keys_line(const std::string& message, const std::optional<Prompt>& prompt, LineWriter line);

/// Usage at earlier points in time and now: one character each.
std::string trend_of(const Row& row);

/// What each key does.
std::string help_text();

}  // namespace cgmm::live
