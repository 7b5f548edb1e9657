// SPDX-License-Identifier: Apache-2.0
#include "report/now_page.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace cgmm::report {
namespace {

TEST(SortedBy, NumbersFromTheLargestTextsFromTheFirstAndNothingAtTheEnd) {
  const core::Table table{.title = "",
                          .columns = {"name", "size"},
                          .rows = {{"b", {}}, {"c", std::int64_t{1}}, {{}, 2.5}, {"a", std::int64_t{2}}}};
  const auto order = [&](const char* column, std::size_t shown) {
    std::vector<core::Cell> cells;
    for (const auto& row : sorted_by(table, column).rows) cells.push_back(row[shown]);
    return cells;
  };
  EXPECT_EQ(order("size", 1), (std::vector<core::Cell>{2.5, std::int64_t{2}, std::int64_t{1}, {}}));
  EXPECT_EQ(order("name", 0), (std::vector<core::Cell>{"a", "b", "c", {}}));
  EXPECT_THROW(sorted_by(table, "nope"), std::runtime_error);
}

}  // namespace
}  // namespace cgmm::report
