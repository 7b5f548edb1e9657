// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the terminal is like, and text that is shown on it, page by page if it is long.

#include <cstddef>
#include <span>
#include <string>

#include "cli/commands.hpp"
#include "report/format/render.hpp"

namespace cgmm::cli {

/// What --width may be.
inline constexpr std::size_t kNarrowest = 40, kWidest = 1000;

/// Whether standard output is a terminal and no --output is given.
bool goes_to_terminal(const Options& options);

/// Colour and width of the output. Colour only on a terminal, and not with NO_COLOR or TERM=dumb. ASCII on a terminal
/// whose locale is not UTF-8. A terminal counts as 40 columns wide at least. What is in a pipe or a file is for
/// programs, too: tables are as wide as they are, and prose is 80 columns wide.
report::Style style_for(const Options& options);

/// Shows text that is higher than the terminal in $PAGER, or else in `less` if it is installed. Returns false if it was
/// not shown: it is short, there is no pager, or none is wanted.
bool shown_in_pager(const Options& options, std::span<const std::string> parts);

}  // namespace cgmm::cli
