// SPDX-License-Identifier: Apache-2.0
#pragma once

// The questions to ClickHouse: fleet/NAME.sql. What is in brackets and has a file fleet/part_NAME.sql is that text, and
// what is in braces is a parameter. Knows their text, does not run them. Pure: any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "report/catalog.hpp"

namespace cgmm::fleet {

/// fleet/*.sql, embedded at build time, by name.
extern const std::span<const core::EmbeddedText> kQuestions;

/// All that `fleet report` can answer by name, in the order of their names. Parts are none.
std::vector<std::string> names_of_questions();

/// Name, title, and columns as a report has them. `sql` has its parts, and its parameters still in braces. Throws
/// std::logic_error where there is none.
report::Report question(std::string_view name);

/// The text to run. A text that is the parameter NAME_glob becomes a regular expression for match(). {of_node},
/// {of_workload} and {of_kill} are conditions: the row is of what node_glob or workload_glob asks for. Throws
/// std::logic_error for other braces that no parameter has.
std::string filled(std::string_view sql, const core::Parameters& parameters);

}  // namespace cgmm::fleet
