// SPDX-License-Identifier: Apache-2.0
#pragma once

// The parts of a page that is read in a browser: one file that holds all it needs, runs nothing and fetches
// nothing, for it is mailed, attached to tickets and opened where there is no network. What takes text
// escapes it (escape_html); what takes HTML says so. Pure: any thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/table.hpp"
#include "report/format/escape.hpp"

namespace cgmm::report {

/// A whole document. `title` is text; `body`, which comes below it, is HTML.
std::string html_page(std::string_view title, std::string_view body);

/// A part of the page under a heading of its own. `title` is text, "" for none; `body` is HTML.
std::string html_section(std::string_view title, std::string_view body);

/// How a paragraph stands out: the answer that the page is read for, what is usual, or a remark.
enum class Weight : std::uint8_t { lead, plain, remark };

/// All three take text. A preformatted one keeps its lines, as for what is to be pasted.
std::string html_heading(std::string_view text);
std::string html_paragraph(std::string_view text, Weight weight = Weight::plain);
std::string html_preformatted(std::string_view text);

/// "2026-11-16T20:48:31Z to 2026-11-23T20:48:31Z", as a remark.
std::string html_time_span(std::int64_t from_at_us, std::int64_t to_at_us);

/// One number to be seen at once. All of it text.
struct Tile {
  std::string name;
  std::string value;
  std::string remark;     // below it; may be ""
  bool is_alarm = false;  // somebody should look at it
};
std::string html_tiles(std::span<const Tile> tiles);

/// What is said under one word each, and all of it text.
struct Named {
  std::string name, text;
};
std::string html_list(std::span<const Named> all);

/// A table without its title. It scrolls within itself where the page is too narrow.
std::string html_table(const core::Table& table);

}  // namespace cgmm::report
