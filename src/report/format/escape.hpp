// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes bytes from outside safe for documents (base/text does it for terminals). Pure: any thread.

#include <cstddef>
#include <string>
#include <string_view>

namespace cgmm::report {

/// For a cell of a Markdown table: as for a terminal, and without markup or HTML.
std::string escape_markdown(std::string_view text);

/// For a sentence in Markdown: what is between backticks is to be typed, and stays code. What is not safe there is
/// escaped.
std::string markdown_sentence(std::string_view text);

/// For HTML, between tags or in a quoted attribute: as for a terminal, and without markup.
std::string escape_html(std::string_view text);

/// One CSV field (RFC 4180), valid UTF-8, quoted only if necessary. A leading '=' or '-' stays as it is: CSV is exact.
std::string escape_csv(std::string_view text);

/// For a terminal that shows ASCII only: lines, blocks and marks of charts as similar signs, other characters as
/// \u00e9.
std::string to_ascii(std::string_view text);

/// How many terminal columns a valid UTF-8 text needs.
std::size_t display_width(std::string_view text);

/// With spaces before it, so that it takes `width` columns.
std::string right_aligned(std::string_view text, std::size_t width);

}  // namespace cgmm::report
