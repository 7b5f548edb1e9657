// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the formats share, and each format's own function; render.hpp is the door for everyone else. Text,
// Markdown and HTML lay out the same cells and headings, CSV and JSON write the values themselves. Pure: any
// thread.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "report/format/render.hpp"

namespace cgmm::report {

/// A table as a person reads it: every string is safe for a terminal.
struct HumanTable {
  std::string title;
  std::vector<std::string> headings;
  std::vector<bool> right_aligned;             // numbers, whatever their unit
  std::vector<std::vector<std::string>> rows;  // each as long as `headings`
  bool upright = false;                        // one wide row: read it down, as name and value
};

HumanTable humanise(const core::Table& table);

/// A column's name without its unit and underscores: "freed_bytes" is "freed", "started_at_us" is "started
/// at".
std::string heading(std::string_view column);

/// The cell in `column`; NULL where the row is too short.
const core::Cell& cell_at(const std::vector<core::Cell>& row, std::size_t column);

/// The shortest decimal that reads back as the same number.
std::string exact_number(double value);

/// What stands over a table, with the empty line below it. `title` is safe for a terminal.
std::string text_title(std::string_view title, const Style& style);
std::string markdown_title(std::string_view title);

std::string render_text(const core::Table& table, const Style& style);
std::string render_markdown(const core::Table& table);
std::string render_html(const core::Table& table);
std::string render_html(std::span<const core::Table> tables);
std::string render_csv(const core::Table& table);
std::string render_json(const core::Table& table);
std::string render_json(std::span<const core::Table> tables);

}  // namespace cgmm::report
