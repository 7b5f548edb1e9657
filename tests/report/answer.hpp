// SPDX-License-Identifier: Apache-2.0
#pragma once

// Answers of the built-in reports as a test wants them, with all the columns that their SQL has on the released schema.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "report/catalog.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {

using Values = std::map<std::string, core::Cell>;

inline core::Table empty_answer(const std::string& report) {
  static std::map<std::string, core::Table> known;
  const auto [at, is_new] = known.try_emplace(report);
  if (is_new) {
    const core::Cell zero = std::int64_t{0};
    at->second = test::MadeHistory().run(
        built_in(report).sql,
        {{"since_us", zero}, {"until_us", zero}, {"cgroup_glob", std::string("*")}, {"oom_kill_id", zero}});
    at->second.rows.clear();
    at->second.report = report;
  }
  return at->second;
}

/// NULL where `values` has nothing.
inline void add_row(core::Table& answer, const Values& values) {
  for (const auto& [column, value] : values) {
    EXPECT_NE(std::ranges::find(answer.columns, column), answer.columns.end()) << answer.report << " has no " << column;
  }
  auto& row = answer.rows.emplace_back();
  for (const std::string& column : answer.columns) {
    const auto found = values.find(column);
    row.push_back(found == values.end() ? core::Cell{} : found->second);
  }
}

inline core::Table answer_of(const std::string& report, const std::vector<Values>& rows) {
  core::Table table = empty_answer(report);
  for (const Values& row : rows) add_row(table, row);
  return table;
}

}  // namespace cgmm::report
