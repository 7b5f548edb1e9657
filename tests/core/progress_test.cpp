// SPDX-License-Identifier: Apache-2.0
#include "core/progress.hpp"

#include <gtest/gtest.h>

namespace cgmm::core {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;

/// Whether a thread is stuck that showed progress so long ago.
Stuck after(std::int64_t seconds, std::int64_t reclaim_timeout_us = 0, std::optional<std::int64_t> watchdog_us = {}) {
  const std::int64_t at_us = kHour - seconds * kSecond;
  return who_is_stuck({.sampler_at_us = at_us, .reclaimer_at_us = at_us, .recorder_at_us = at_us}, reclaim_timeout_us,
                      watchdog_us, kHour);
}

TEST(Progress, AThreadIsStuckWhenItHasShownNoSignForLongerThanItMay) {
  EXPECT_EQ(after(60), Stuck{});
  EXPECT_EQ(after(61), (Stuck{.sampler = true, .recorder = true}));
  EXPECT_EQ(after(120), (Stuck{.sampler = true, .recorder = true}));
  EXPECT_EQ(after(121), (Stuck{.sampler = true, .reclaimer = true, .recorder = true}));
  EXPECT_EQ(after(-1), Stuck{}) << "a sign that was shown a moment later";
}

TEST(Progress, AThreadThatRestsIsNeverStuck) { EXPECT_EQ(who_is_stuck({}, 0, {}, INT64_MAX), Stuck{}); }

TEST(Progress, ARecorderThatIsStuckDoesNotEndTheProtection) {
  EXPECT_TRUE((Stuck{.recorder = true}.protects()));
  EXPECT_FALSE((Stuck{.sampler = true}.protects()));
  EXPECT_FALSE((Stuck{.reclaimer = true}.protects()));
}

TEST(Progress, TheReclaimerMayAskTheKernelForLongerThanAReclaimMayTake) {
  EXPECT_FALSE(after(240, 60 * kSecond).reclaimer);
  EXPECT_TRUE(after(241, 60 * kSecond).reclaimer);
}

TEST(Progress, TheSamplerHasAMinuteOrTheWatchdogsTimeButNeverLessThanItNeeds) {
  EXPECT_FALSE(after(30, 0, 30 * kSecond).sampler);
  EXPECT_TRUE(after(31, 0, 30 * kSecond).sampler);
  EXPECT_FALSE(after(10, 0, kSecond).sampler);
  EXPECT_TRUE(after(11, 0, kSecond).sampler);
  EXPECT_TRUE(after(61, 0, kHour).sampler);
}

}  // namespace
}  // namespace cgmm::core
