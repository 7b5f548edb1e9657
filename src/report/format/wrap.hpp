// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes text fit: lines that break between words, and names that are cut in the middle. Widths are columns of a
// terminal. Texts are valid UTF-8. Pure: any thread.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/format/render.hpp"

namespace cgmm::report {

/// Lines of prose are no longer, also where the terminal is wider: they would be hard to read.
inline constexpr std::size_t kWidestProse = 110;

enum class LongWords { keep, cut };

/// The lines of a text. A number stays with its unit: "4.8 s". A word that is longer than a line is kept as it is, or
/// is cut: behind a '/' in its second half if there is one. At least one line.
std::vector<std::string> lines_of(std::string_view text, std::size_t width, LongWords long_words);

/// As lines that end in '\n', for the width of `style`. All but the first begin with `indent` spaces; there is as much
/// before the first, which the caller writes.
std::string wrapped(std::string_view text, const Style& style, std::size_t indent = 0);

/// At most `width` columns: "/kubepods/…/3fa91c".
std::string shortened(std::string_view text, std::size_t width, const Style& style);

}  // namespace cgmm::report
