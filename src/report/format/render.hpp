// SPDX-License-Identifier: Apache-2.0
#pragma once

// Lays out tables as text for a terminal, Markdown, HTML, CSV and JSON. The first three are for people: units
// in words, by the columns' names. CSV and JSON are exact: columns and numbers as they are. Whatever bytes a
// cell holds, the output is valid UTF-8 and can be parsed. Pure: any thread.
//
// - text: columns aligned, nothing cut off; one row of more than eight columns is read down; NULL is "-".
// - markdown: GitHub-flavoured tables.
// - html: one page that holds all it needs, runs nothing and fetches nothing.
//   These three leave out `path` where there is `cgroup`, the short name for it.
// - csv: RFC 4180 with a header line, but lines end in LF alone, as the tools of a shell want it. NULL is an
//   empty field, an empty text is "".
// - json: {"title": ..., "columns": [...], "rows": [{column: value, ...}, ...]}, columns in the order of the
//   query; several tables are {"reports": [...]}. A second column of one name is `name_2`. ASCII only.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/table.hpp"

namespace cgmm::report {

enum class Format { text, markdown, html, csv, json };

/// nullopt when it is none of them.
std::optional<Format> parse_format(std::string_view name);

struct Style {
  bool colour = false;     // a terminal that takes it
  std::size_t width = 80;  // columns of the terminal (charts)
};

/// Several tables become one document; CSV holds only one (throws std::invalid_argument for more).
std::string render(std::span<const core::Table> tables, Format format, const Style& style);
std::string render(const core::Table& table, Format format, const Style& style);

/// A cell as a person wants it, from its column's name: `_bytes` and `_kib` as sizes, `_byte_seconds` as a
/// size times hours, `_us` as a duration, `_at_us` as a UTC time, `_pct` as a percentage; text with control
/// characters escaped; NULL as "-".
std::string human_cell(std::string_view column, const core::Cell& cell);

}  // namespace cgmm::report
