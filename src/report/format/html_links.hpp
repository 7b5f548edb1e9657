// SPDX-License-Identifier: Apache-2.0
#pragma once

// The addresses of `serve` in its pages, for report/format/html. Nothing of this is in a page that is mailed. Pure,
// after link_pages(): any thread.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "report/format/html.hpp"

namespace cgmm::report {

/// nullopt: pages have no links.
const std::optional<PagesOf>& linked_pages();

/// For a path in a link: all but letters, digits and a few signs as %XX.
std::string escape_path(std::string_view text);

/// Links to the other pages, and to other times of this one. HTML.
std::string navigation();

/// Links to what the page shows, for programs. HTML.
std::string data_links();

/// What a command says is on a page of `serve`: its address and the text of a link to it. Without an address: it is
/// not.
std::pair<std::string, std::string> page_of_command(std::string_view text);

}  // namespace cgmm::report
