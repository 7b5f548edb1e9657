// SPDX-License-Identifier: Apache-2.0
#include "core/near_limit.hpp"

#include <gtest/gtest.h>

namespace cgmm::core {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::int64_t kSecond = 1'000'000;

/// A cgroup with a limit of 100 MiB.
class NearLimitTest : public testing::Test {
 protected:
  bool wanted_after(std::int64_t at_s, std::uint64_t held_mib) {
    near_limit_.follow(held_mib * kMiB, 100 * kMiB, at_s * kSecond, 85);
    return near_limit_.is_near();
  }
  NearLimit near_limit_;
};

TEST_F(NearLimitTest, BeginsOverTheShareOfTheLimit) {
  EXPECT_FALSE(wanted_after(0, 84));
  EXPECT_TRUE(wanted_after(3600, 85));
}

TEST_F(NearLimitTest, BeginsWhenTheLimitIsLessThanAMinuteAwayAtThisRate) {
  EXPECT_FALSE(wanted_after(0, 10));
  EXPECT_FALSE(wanted_after(10, 20)) << "80 s away";
  EXPECT_TRUE(wanted_after(20, 34)) << "66 MiB at 1.4 a second: 47 s";
  EXPECT_EQ(near_limit_.headroom_bytes(), 66 * kMiB);
}

TEST_F(NearLimitTest, EndsWhenItHasStoodStillForAMinuteHoweverFull) {
  EXPECT_TRUE(wanted_after(0, 95));
  EXPECT_TRUE(wanted_after(59, 95));
  EXPECT_FALSE(wanted_after(60, 95));
  EXPECT_FALSE(wanted_after(3600, 95));
  EXPECT_TRUE(wanted_after(7200, 97)) << "it grows again";
}

TEST_F(NearLimitTest, EndsAMinuteAfterItHasFallen) {
  EXPECT_TRUE(wanted_after(0, 90));
  EXPECT_TRUE(wanted_after(30, 20)) << "it may come back";
  EXPECT_FALSE(wanted_after(61, 20));
}

TEST_F(NearLimitTest, IsNotForACgroupWithoutALimit) {
  near_limit_.follow(1000 * kMiB, std::nullopt, 0, 85);
  EXPECT_FALSE(near_limit_.is_near());
  EXPECT_EQ(near_limit_.headroom_bytes(), std::nullopt);
}

TEST_F(NearLimitTest, TakesOverItsLimitForNoRoomAtAll) {
  EXPECT_TRUE(wanted_after(0, 120));
  EXPECT_EQ(near_limit_.headroom_bytes(), 0U);
}

TEST(WorthALook, IsAChangeOfTheNodeThatCouldBeTheNearestsOwn) {
  EXPECT_FALSE(is_worth_reading_all(500, 500, 0));
  EXPECT_FALSE(is_worth_reading_all(0, kMiB - 1, 0));
  EXPECT_TRUE(is_worth_reading_all(0, kMiB, 0));
  EXPECT_FALSE(is_worth_reading_all(100 * kMiB, 131 * kMiB, 256 * kMiB));
  EXPECT_TRUE(is_worth_reading_all(100 * kMiB, 132 * kMiB, 256 * kMiB));
  EXPECT_TRUE(is_worth_reading_all(132 * kMiB, 100 * kMiB, 256 * kMiB)) << "a fall may hide a rise";
}

}  // namespace
}  // namespace cgmm::core
