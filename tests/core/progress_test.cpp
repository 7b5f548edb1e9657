// SPDX-License-Identifier: Apache-2.0
#include "core/progress.hpp"

#include <gtest/gtest.h>

namespace cgmm::core {
namespace {

constexpr std::int64_t kSecond_us = 1'000'000;
constexpr Patience kPatience{.sampler_us = 60, .reclaimer_us = 120, .recorder_us = 50};

TEST(Progress, AThreadIsStuckWhenItHasShownNoSignForLongerThanItMay) {
  const LastSigns signs{.sampler_at_us = 1000, .reclaimer_at_us = 1000, .recorder_at_us = 1000};
  const auto at = [&](std::int64_t now_us) { return who_is_stuck(signs, kPatience, now_us); };
  EXPECT_FALSE(at(1060).sampler);
  EXPECT_TRUE(at(1061).sampler);
  EXPECT_FALSE(at(1120).reclaimer);
  EXPECT_TRUE(at(1121).reclaimer);
  EXPECT_FALSE(at(1050).recorder);
  EXPECT_TRUE(at(1051).recorder);
}

TEST(Progress, AThreadThatRestsIsNeverStuck) {
  const Stuck stuck = who_is_stuck({}, kPatience, 1'000'000'000);
  EXPECT_FALSE(stuck.sampler || stuck.reclaimer || stuck.recorder);
}

TEST(Progress, ARecorderThatIsStuckDoesNotEndTheProtection) {
  EXPECT_TRUE(Stuck{.recorder = true}.protects());
  EXPECT_FALSE(Stuck{.sampler = true}.protects());
  EXPECT_FALSE(Stuck{.reclaimer = true}.protects());
}

TEST(Progress, TheReclaimerMayAskTheKernelForLongerThanAReclaimMayTake) {
  EXPECT_EQ(patience_for(10 * kSecond_us, std::nullopt).reclaimer_us, 120 * kSecond_us);
  EXPECT_EQ(patience_for(60 * kSecond_us, std::nullopt).reclaimer_us, 240 * kSecond_us);
  EXPECT_EQ(patience_for(60 * kSecond_us, 10 * kSecond_us).reclaimer_us, 240 * kSecond_us) << "whatever the watchdog";
}

TEST(Progress, TheSamplerHasAMinuteOrTheWatchdogsTimeButNeverLessThanItNeeds) {
  EXPECT_EQ(patience_for(0, std::nullopt).sampler_us, 60 * kSecond_us);
  EXPECT_EQ(patience_for(0, 300 * kSecond_us).sampler_us, 60 * kSecond_us);
  EXPECT_EQ(patience_for(0, 20 * kSecond_us).sampler_us, 20 * kSecond_us);
  EXPECT_EQ(patience_for(0, kSecond_us).sampler_us, 10 * kSecond_us) << "it shows itself every five seconds";
}

}  // namespace
}  // namespace cgmm::core
