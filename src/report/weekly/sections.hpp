// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tables of the weekly report for people, in the order in which they are read: what was killed and why, what
// reclaim brought and cost, right-sizing, and last how complete the record is. Each has a sentence that says what it
// means; long ones are cut with their number. Pure: any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"

namespace cgmm::report {

struct WeeklySections {
  std::vector<core::Table> before_advice;
  std::vector<core::Table> after_advice;
};

/// These columns of an answer, which stay in this order where there is little room.
core::Table section(const core::Table& all, const std::vector<std::string_view>& columns, std::string about);

/// The first ten rows, and how many more `whole` ("report effects") has.
void cut(core::Table& table, std::string_view whole);

/// What reclaim brought in this window and in the one before it, a row each.
core::Table brought_and_cost(const core::Table& summary, const core::Table& earlier);

/// The answer of reports/coverage.sql: reports/summary.sql has it in its row.
core::Table coverage_of(const core::Table& summary);

/// `summary`, `earlier`: reports/summary.sql of the window and of as long a time before it. `tables`: the answers of
/// the other reports of the weekly summary. One without rows has no section, but if `below` says why.
WeeklySections weekly_sections(const core::Table& summary, const core::Table& earlier,
                               std::span<const core::Table> tables);

}  // namespace cgmm::report
