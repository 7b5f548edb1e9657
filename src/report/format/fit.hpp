// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which columns of a table a terminal has room for, and how wide each is. Where there is too little, headings take two
// lines first, then names are cut and words wrap within their columns, down to 16 columns; then the least important
// columns are left out. Pure: any thread.

#include <cstddef>
#include <string>
#include <vector>

#include "report/format/layout.hpp"

namespace cgmm::report {

inline constexpr std::size_t kGapWidth = 2;  // between two columns

struct Fit {
  std::vector<std::size_t> columns;   // those that are shown, from left to right
  std::vector<std::size_t> widths;    // one for each of them
  std::vector<std::string> left_out;  // the headings of the others
  bool is_cut = false;                // something is shorter than it is
};

/// Where the style does not say that tables must fit, all columns at their full width.
Fit fit(const HumanTable& table, const Style& style);

/// How many columns the whole table takes.
std::size_t full_width(const HumanTable& table);

/// A heading in one line or, if that is too wide, in two.
std::vector<std::string> heading_lines(const std::string& heading, std::size_t width);

}  // namespace cgmm::report
