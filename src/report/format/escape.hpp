// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes that came from outside made safe for the documents they go into; base/text does it for terminals. Pure: any
// thread.

#include <cstddef>
#include <string>
#include <string_view>

namespace cgmm::report {

/// The text of a Markdown table's cell: as for a terminal, and nothing in it means markup or HTML.
std::string escape_markdown(std::string_view text);

/// Text that means itself in HTML, between tags and in an attribute in quotes: as for a terminal, and no
/// markup.
std::string escape_html(std::string_view text);

/// One CSV field by RFC 4180, valid UTF-8, quoted only where it must be. An empty text is "", which tells it
/// from NULL. A leading '=' or '-' stays as it is: CSV is exact, and a spreadsheet must be told to import
/// text.
std::string escape_csv(std::string_view text);

/// How many terminal columns a valid UTF-8 text takes.
std::size_t display_width(std::string_view text);

}  // namespace cgmm::report
