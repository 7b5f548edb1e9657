// SPDX-License-Identifier: Apache-2.0
#include "core/near_limit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

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

/// How the held memory of a cgroup with a limit of 100 MiB goes, in MiB, second by second.
struct Course {
  std::string what;
  std::function<std::int64_t(std::int64_t second)> held_mib;
  int seconds;
  int most_near;        // so many seconds may be near the limit: the first rise, and a minute after it
  int near_at_the_end;  // the last so many seconds must be near, without a break
};

TEST(NearLimitCourse, GrowthTowardsTheLimitIsNearASwingIsNot) {
  const auto swing = [](std::int64_t low, std::int64_t by, std::int64_t period) {
    return [=](std::int64_t second) { return low + by * (second % period) / (period - 1); };
  };
  const std::vector<Course> courses{
      {"stands still at 40 %", [](auto) { return 40; }, 3600, 0, 0},
      {"swings by 12 MiB from second to second", swing(40, 12, 2), 3600, 70, 0},
      {"swings by 12 MiB in 10 s", swing(40, 12, 10), 3600, 70, 0},
      {"swings by 12 MiB in 35 s", swing(40, 12, 35), 3600, 100, 0},
      {"swings by 12 MiB in two minutes", swing(40, 12, 120), 3600, 190, 0},
      {"swings by 20 MiB below 80 %", swing(60, 20, 15), 3600, 80, 0},
      {"rises by 4 MiB an hour while it swings", [](std::int64_t s) { return 40 + s / 900 + (s % 2) * 12; }, 3600, 330,
       0},
      {"leaks 10 MiB a second out of calm", [](std::int64_t s) { return 40 + std::max<std::int64_t>(0, s - 600) * 10; },
       607, 7, 6},
      {"leaks 2 MiB a second after an hour of swings",
       [](std::int64_t s) { return s < 3600 ? 40 + (s % 2) * 12 : 40 + (s - 3600) * 2; }, 3631, 100, 23},
      {"leaks 10 MiB a second after an hour of swings",
       [](std::int64_t s) { return s < 3600 ? 40 + (s % 2) * 12 : 40 + (s - 3600) * 10; }, 3607, 80, 4},
      {"leaks, is killed, and leaks again", [](std::int64_t s) { return 40 + (s % 13) * 5; }, 65, 65, 52},
      {"leaks while it swings", [](std::int64_t s) { return 20 + s + (s % 2) * 5; }, 75, 75, 45},
  };
  for (const Course& course : courses) {
    for (const int every_s : {1, 7}) {  // while it is not near; one that leads to the limit is looked at every second
      if (every_s > 1 && course.near_at_the_end > 0) continue;
      NearLimit near_limit;
      int near = 0, in_a_row = 0;
      for (int second = 0; second < course.seconds; ++second) {
        if (!near_limit.is_near() && second % every_s != 0) continue;
        near_limit.follow(static_cast<std::uint64_t>(course.held_mib(second)) * kMiB, 100 * kMiB, second * kSecond, 85);
        near += near_limit.is_near() ? 1 : 0;
        in_a_row = near_limit.is_near() ? in_a_row + 1 : 0;
      }
      EXPECT_LE(near, course.most_near) << course.what << ", every " << every_s << " s";
      EXPECT_GE(in_a_row, course.near_at_the_end) << course.what;
    }
  }
}

/// With a limit of 1 GiB.
std::int64_t look_after_s(std::uint64_t held_mib) {
  NearLimit near_limit;
  near_limit.follow(held_mib * kMiB, 1024 * kMiB, 100 * kSecond, 85);
  return near_limit.look_at_us() / kSecond - 100;
}

TEST(NearLimitLook, IsFiveSecondsBeforeTheFastestGrowthWouldReachTheLimit) {
  EXPECT_EQ(look_after_s(24), 15) << "1000 MiB at 50 MiB/s are 20 s";
  EXPECT_EQ(look_after_s(724), 1) << "300 MiB: 6 s";
  EXPECT_EQ(look_after_s(1024), 1);
  EXPECT_EQ(NearLimit().look_at_us(), INT64_MAX) << "no sample yet";
  NearLimit without_limit;
  without_limit.follow(kMiB, std::nullopt, 0, 85);
  EXPECT_EQ(without_limit.look_at_us(), INT64_MAX);
}

TEST(NearLimitLook, IsPutOffByWhatItsUsageTells) {
  NearLimit near_limit;
  near_limit.follow(524 * kMiB, 1024 * kMiB, 0, 85);
  EXPECT_EQ(near_limit.look_at_us(), 5 * kSecond);
  NearLimit estimate = near_limit;
  estimate.follow(424 * kMiB, 1024 * kMiB, 5 * kSecond, 85);
  near_limit.put_off_look(estimate);
  EXPECT_EQ(near_limit.look_at_us(), 12 * kSecond);
  EXPECT_EQ(near_limit.headroom_bytes(), 500 * kMiB) << "that is of a sample";
}

TEST_F(NearLimitTest, IsSoonWhileItGrowsFastAndTheLimitIsAFewSecondsAway) {
  EXPECT_FALSE(near_limit_.is_soon());
  wanted_after(0, 10);
  wanted_after(1, 30);
  EXPECT_TRUE(near_limit_.is_soon()) << "70 MiB at 20 MiB/s";
  wanted_after(2, 32);
  EXPECT_FALSE(near_limit_.is_soon()) << "34 s";
  wanted_after(10, 99);
  EXPECT_TRUE(near_limit_.is_soon());
  wanted_after(11, 99);
  EXPECT_FALSE(near_limit_.is_soon()) << "it stands still";
  near_limit_.follow(99 * kMiB + kMiB / 2, 100 * kMiB, 12 * kSecond, 85);
  EXPECT_FALSE(near_limit_.is_soon()) << "a small step";
}

TEST_F(NearLimitTest, MayBeFullSoonWithFiveSecondsOfTheFastestGrowthLeft) {
  EXPECT_FALSE(near_limit_.may_be_full_soon()) << "no sample yet";
  near_limit_.follow(1000 * kMiB, 1251 * kMiB, 0, 85);
  EXPECT_FALSE(near_limit_.may_be_full_soon());
  near_limit_.follow(1001 * kMiB, 1251 * kMiB, kSecond, 85);
  EXPECT_TRUE(near_limit_.may_be_full_soon());
  near_limit_.follow(1000 * kMiB, 10'000 * kMiB, 2 * kSecond, 85);
  near_limit_.follow(2000 * kMiB, 10'000 * kMiB, 3 * kSecond, 85);
  EXPECT_TRUE(near_limit_.may_be_full_soon()) << "8 s at its present growth";
}

TEST_F(NearLimitTest, TheRateIsOfTheTimeSinceTheLastSample) {
  wanted_after(10, 20);
  EXPECT_DOUBLE_EQ(near_limit_.rate_to(24 * kMiB, 14 * kSecond), 1.048576) << "a MiB a second";
  EXPECT_LT(near_limit_.rate_to(19 * kMiB, 14 * kSecond), 0);
}

TEST(FastGrowth, IsOverFiftyMebibytesASecond) {
  EXPECT_FALSE(is_fast_growth(50 * kMiB, kSecond));
  EXPECT_TRUE(is_fast_growth(51 * kMiB, kSecond));
  EXPECT_FALSE(is_fast_growth(51 * kMiB, 2 * kSecond));
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
