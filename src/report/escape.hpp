// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes that came from outside (cgroup names, errors) made safe for where they go. Pure: any thread.

#include <string>
#include <string_view>

namespace cgmm::report {

/// `text` where it is valid UTF-8; otherwise with each invalid byte as \xHH and each backslash doubled.
std::string to_valid_utf8(std::string_view text);

/// Valid UTF-8 that can't steer a terminal: control characters, line breaks, and characters that turn the writing
/// direction come out as \n, \x1b, \u202e.
std::string escape_for_terminal(std::string_view text);

/// The text of a Markdown table's cell: as for a terminal, and nothing in it means markup or HTML.
std::string escape_markdown(std::string_view text);

/// One CSV field by RFC 4180, quoted only where it must be.
std::string escape_csv(std::string_view text);

/// How many terminal columns a valid UTF-8 text takes.
std::size_t display_width(std::string_view text);

}  // namespace cgmm::report
