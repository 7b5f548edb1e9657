// SPDX-License-Identifier: Apache-2.0
#pragma once

// The parts of an HTML page: one file that runs no script and fetches nothing, because it is mailed and opened without
// a network. `serve` adds links, and a script of its own (serve/page.js). Functions that take text escape it; those
// that take HTML say so. Pure: any thread.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/table.hpp"
#include "report/format/escape.hpp"

namespace cgmm::report {

enum class PagesOf : std::uint8_t { node, fleet };
/// The address of the page that is made, without its end, and what it was asked for.
struct Place {
  std::string path;                                       // "/report/limits"; "": of an error
  std::map<std::string, std::string, std::less<>> asked;  // options of the command
};
/// From now on pages are those of `serve`, or of `serve --fleet`: with links to each other. To be called before there
/// is a second thread.
void link_pages(std::optional<PagesOf> whom, Place here = {});
bool are_pages_linked();

/// A whole document. `title` is text, `body` is HTML.
std::string html_page(std::string_view title, std::string_view body);

/// A section with a heading. `title` is text, "": none; `body` is HTML. `id`: so that a link leads to it.
std::string html_section(std::string_view title, std::string_view body, std::string_view id = "");

/// A table with its title, and what is said of it.
std::string html_section_of(const core::Table& table);

/// How a paragraph looks: the answer, ordinary text, or a remark.
enum class Weight : std::uint8_t { lead, plain, remark };

/// The preformatted one keeps its lines, for pasting.
std::string html_heading(std::string_view text);
std::string html_paragraph(std::string_view text, Weight weight = Weight::plain);
std::string html_preformatted(std::string_view text);

/// "2026-11-16T20:48:31Z to 2026-11-23T20:48:31Z", as a remark.
std::string html_time_span(std::int64_t from_at_us, std::int64_t to_at_us);

/// A time, half-open, in microseconds since 1970.
struct TimeSpan {
  std::int64_t from_us = 0, to_us = 0;
};
/// To times before, after and around a window, and into the time that its charts show, in a page of `serve` of a node;
/// else "".
std::string html_window_links(TimeSpan window, TimeSpan shown, std::int64_t now_us);

/// One important number. All fields are text.
struct Tile {
  std::string name;
  std::string value;
  std::string remark;     // below it; may be ""
  bool is_alarm = false;  // highlighted
};
std::string html_tiles(std::span<const Tile> tiles);

/// A list of labels with their texts.
std::string html_list(std::span<const std::pair<std::string, std::string>> all);

/// A table without its title. It scrolls if the page is too narrow.
std::string html_table(const core::Table& table);
/// What is after the "?" of an address: names with their values, as texts.
using Query = std::vector<std::pair<std::string, std::string>>;
/// One that can be sorted: each heading is a link to ?sort=COLUMN and `kept`. `sorted_by` is a column.
std::string html_table(const core::Table& table, std::string_view sorted_by, const Query& kept = {});

}  // namespace cgmm::report
