// SPDX-License-Identifier: Apache-2.0
#include "base/optional_number.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

namespace cgmm::base {
namespace {

using Optional = OptionalNumber<std::uint64_t>;

TEST(OptionalNumberTest, IsAsAStandardOneInHalfTheRoom) {
  EXPECT_EQ(sizeof(Optional), sizeof(std::uint64_t));
  EXPECT_FALSE(Optional().has_value());
  EXPECT_FALSE(Optional(std::nullopt).has_value());
  EXPECT_EQ(Optional().value_or(7), 7U);
  EXPECT_EQ(*Optional(0), 0U) << "0 is a number";
  Optional number = std::optional<std::uint64_t>(5);
  EXPECT_EQ(number.value_or(7), 5U);
  number.reset();
  EXPECT_FALSE(number);
}

TEST(OptionalNumberTest, EqualsAStandardOneWithTheSame) {
  const std::optional<std::uint64_t> none, five = 5;
  EXPECT_TRUE(Optional(none) == none);
  EXPECT_TRUE(none == Optional());
  EXPECT_TRUE(five == Optional(5));
  EXPECT_TRUE(Optional(5) == std::uint64_t{5});
  EXPECT_FALSE(Optional() == five);
  EXPECT_FALSE(none == Optional(5));
  const std::optional<std::uint64_t> back = Optional(5);
  EXPECT_EQ(back, five);
}

}  // namespace
}  // namespace cgmm::base
