// SPDX-License-Identifier: Apache-2.0
#pragma once

// Renders tables. Whatever bytes a cell holds, the output is valid UTF-8 and can be parsed. Pure: any thread.
//
// - text: columns aligned; a single row of more than eight columns is shown as lines; NULL is "-". Where the style says
//   so, it fits the terminal (format/fit.hpp); otherwise nothing is cut.
// - markdown: GitHub-flavoured tables.
// - html: one page that runs no script and fetches nothing.
//   These three are for people: values have units by their columns' names, and `path` is left out if there is `cgroup`.
//   A table that is not complete says so in its last line.
// - csv: RFC 4180 with a header line, but lines end in LF. NULL is an empty field, an empty text is "".
//   Each time in microseconds has a column before it with the same in words, unless the table keeps its names.
// - json: [{column: value, ...}, ...]; several tables are {"summary": [...], "effects": [...]}, by the report's name.
//   A second column of the same name is `name_2`. ASCII only.
// - ndjson: one such object a line.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/table.hpp"

namespace cgmm::report {

enum class Format { text, markdown, html, csv, json, ndjson };

/// CSV, JSON and NDJSON: exact and complete. The others are for people.
inline bool is_for_programs(Format format) {
  return format == Format::csv || format == Format::json || format == Format::ndjson;
}

/// The others can hold several.
inline bool holds_one_table(Format format) { return format == Format::csv || format == Format::ndjson; }

/// nullopt: unknown.
std::optional<Format> parse_format(std::string_view name);

struct Style {
  bool colour = false;     // the terminal has colours
  std::size_t width = 80;  // columns of the terminal: prose, charts, and tables that must fit
  bool fits = false;       // no line is wider: tables are shortened, and long words are cut
  bool ascii = false;      // the terminal shows no other characters
};

/// Several tables become one document. Throws std::invalid_argument for CSV and NDJSON, which can hold only
/// one.
std::string render(std::span<const core::Table> tables, Format format, const Style& style);
std::string render(const core::Table& table, Format format, const Style& style);

/// "1.5 GiB"
std::string size_text(double bytes);

/// A cell for people, with the unit of its column's name. Safe for a terminal. NULL is "-".
std::string human_cell(std::string_view column, const core::Cell& cell);

}  // namespace cgmm::report
