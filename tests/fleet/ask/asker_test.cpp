// SPDX-License-Identifier: Apache-2.0
#include "fleet/ask/asker.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

namespace cgmm::fleet {
namespace {

core::Table table_of(const std::string& answer) {
  core::FirstRows rows(core::kAllRows);
  read_answer(answer, rows);
  return rows.table;
}

TEST(ReadAnswer, NumbersAreNumbersAndNullIsNull) {
  const core::Table table = table_of(
      "a\tb\tc\td\te\nInt64\tNullable(Float64)\tLowCardinality(Nullable(String))\tArray(Int64)\tUInt64\n"
      "-5\t1.5\tx\\ty\\n\t[1,2]\t18446744073709551615\n"
      "7\tnan\t\\N\t[]\t0\n"
      "8\t\\N\t\t[]\t1\n"
      "9\tinf\t12\t[]\t1\n");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  const std::vector<std::vector<core::Cell>> rows{
      {std::int64_t{-5}, 1.5, "x\ty\n", "[1,2]", "18446744073709551615"},
      {std::int64_t{7}, {}, {}, "[]", std::int64_t{0}},
      {std::int64_t{8}, {}, "", "[]", std::int64_t{1}},
      {std::int64_t{9}, std::numeric_limits<double>::infinity(), "12", "[]", std::int64_t{1}}};
  EXPECT_EQ(table.rows, rows);
  EXPECT_TRUE(table_of("a\nInt64\n").rows.empty());
}

TEST(ReadAnswer, WhatIsNoAnswerIsRefused) {
  for (const char* const answer : {"", "\n", "a\n", "a\tb\nInt64\n", "a\nInt64\n1\t2\n", "a\tb\nInt64\tInt64\n1\n"})
    EXPECT_THROW(table_of(answer), std::runtime_error) << answer;
}

}  // namespace
}  // namespace cgmm::fleet
