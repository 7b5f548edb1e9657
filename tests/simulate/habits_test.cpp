// SPDX-License-Identifier: Apache-2.0
#include "simulate/habits.hpp"

#include <gtest/gtest.h>

#include "simulate/feedback.hpp"

namespace cgmm::simulate {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::int64_t kSecond_us = 1'000'000;

/// Observed for 30 s; what is read back is back after `back_after_s` on average.
PastReclaim reclaim(std::uint64_t freed_mib, std::uint64_t read_back_mib, double back_after_s = 5) {
  const double held = 30.0 * static_cast<double>((freed_mib - read_back_mib) * kMiB) +
                      back_after_s * static_cast<double>(read_back_mib * kMiB);
  return {.requested_bytes = freed_mib * kMiB,
          .freed_bytes = freed_mib * kMiB,
          .refaulted_bytes = read_back_mib * kMiB,
          .regrown_bytes = read_back_mib * kMiB,
          .held_byte_seconds = held,
          .observed_for_us = 30 * kSecond_us};
}

Lists lists(double inactive_mib, double active_mib) { return {inactive_mib * kMiB, active_mib * kMiB}; }

TEST(Habits, WithoutAnyReclaimWhatIsActiveIsExpectedBackAndAsMuchOfTheRest) {
  const Habits none;
  EXPECT_FALSE(none.has_reclaims());
  EXPECT_EQ(none.inactive_read_back(0.3).expected, 0.3);
  EXPECT_EQ(none.inactive_read_back(0.3).most, 0.6);
  EXPECT_EQ(none.active_read_back().least, 0);
  EXPECT_EQ(none.active_read_back().expected, 1);
  EXPECT_EQ(none.freed_part(), 1);
}

TEST(Habits, DosesShowWhatIsReadBackOfWhatIsIdle) {
  Habits habits;
  habits.add(reclaim(10, 1), lists(10, 0), lists(100, 0));
  EXPECT_EQ(habits.inactive_read_back(0).least, 0);  // one may be an exception
  EXPECT_EQ(habits.inactive_read_back(0).most, 1);
  habits.add(reclaim(10, 1), lists(10, 0), lists(100, 0));
  habits.add(reclaim(10, 2), lists(10, 0), lists(100, 0));
  const Range known = habits.inactive_read_back(0);
  EXPECT_TRUE(habits.shows_idle());
  EXPECT_NEAR(known.least, 0.1, 1e-9);
  EXPECT_NEAR(known.expected, 0.1, 1e-9);
  EXPECT_NEAR(known.most, 0.2, 1e-9);
}

TEST(Habits, OfAWholeReclaimWhatIsActiveIsTheFirstToBeNeeded) {
  Habits habits;
  for (int i = 0; i < 3; ++i) habits.add(reclaim(100, 60), lists(60, 40), lists(60, 40));
  EXPECT_NEAR(habits.active_read_back().expected, 1, 1e-9);
  EXPECT_NEAR(habits.active_read_back().least, 0, 1e-9);
  EXPECT_NEAR(habits.inactive_read_back(0).expected, 20.0 / 60, 1e-9);
  EXPECT_NEAR(habits.inactive_read_back(0).most, 1, 1e-9);
}

TEST(Habits, HowSoonItIsBackComesFromWhatStayedFree) {
  Habits habits;
  EXPECT_EQ(habits.read_back_seconds(), 10);
  habits.add(reclaim(100, 50, 4), lists(100, 0), lists(100, 0));
  EXPECT_NEAR(habits.read_back_seconds(), 8, 1e-9);
  habits.add(reclaim(2, 2, 20), lists(2, 0), lists(100, 0));  // too little to tell
  EXPECT_NEAR(habits.read_back_seconds(), 8, 1e-9);
}

TEST(Habits, OfAReclaimThatNobodyObservedNothingIsLearned) {
  Habits habits;
  habits.add({.freed_bytes = kMiB, .refaulted_bytes = {}, .regrown_bytes = {}}, lists(1, 0), lists(1, 0));
  habits.add({}, {}, {});
  EXPECT_TRUE(habits.has_reclaims());
  EXPECT_FALSE(habits.counts_read_back());
  EXPECT_EQ(habits.inflow_bytes_per_second(), 0);
}

core::Gauges cache(std::uint64_t mib) {
  core::Gauges gauges;
  gauges.set(core::Gauge::usage, mib * kMiB);
  gauges.set(core::Gauge::file, mib * kMiB);
  gauges.set(core::Gauge::shmem, 0);
  return gauges;
}

TEST(Steps, ByRefaultsGrowWhileNothingIsReadBackAndShrinkElse) {
  Steps steps;
  const Since quiet{.seconds = 10, .refaulted_bytes = 0.0};
  const auto first = steps.next(Feedback::refaults, cache(100), quiet, 4096);
  const auto second = steps.next(Feedback::refaults, cache(100), quiet, 4096);
  ASSERT_TRUE(first && second);
  EXPECT_GT(*second, *first);
  const Since busy{.seconds = 10, .refaulted_bytes = 10.0 * kMiB};
  EXPECT_LT(*steps.next(Feedback::refaults, cache(100), busy, 4096), *second);
  EXPECT_FALSE(steps.next(Feedback::refaults, cache(100), {.seconds = 10}, 4096));
}

TEST(Steps, ByPressureAreNoneWhereTasksWait) {
  Steps steps;
  const auto idle = steps.next(Feedback::pressure, cache(1000), {.seconds = 6, .stalled_us = 0}, 4096);
  EXPECT_NEAR(*idle, 0.5 * kMiB, 1);
  EXPECT_EQ(*steps.next(Feedback::pressure, cache(1000), {.seconds = 6, .stalled_us = 60'000}, 4096), 0);
  EXPECT_FALSE(steps.next(Feedback::pressure, cache(1000), {.seconds = 6}, 4096));
}

TEST(Holdings, GrowthCountsAgainstTheOldestAndTimeIsBounded) {
  Holdings holdings;
  holdings.add(0, 100);
  EXPECT_EQ(holdings.follow(10 * kSecond_us, 10, 0, 300 * kSecond_us), 1000);
  EXPECT_EQ(holdings.follow(20 * kSecond_us, 10, 100, 300 * kSecond_us), 500);
  EXPECT_EQ(holdings.follow(30 * kSecond_us, 10, 0, 300 * kSecond_us), 0);
  holdings.add(0, 100);
  holdings.follow(300 * kSecond_us, 1, 0, 300 * kSecond_us);
  EXPECT_EQ(holdings.follow(310 * kSecond_us, 10, 0, 300 * kSecond_us), 0);
}

}  // namespace
}  // namespace cgmm::simulate
