// SPDX-License-Identifier: Apache-2.0
#include "fleet/ship/backoff.hpp"

#include <gtest/gtest.h>

namespace cgmm::fleet {
namespace {

using base::kMinute_us, base::kSecond_us;

TEST(Backoff, WaitsLongerWithEachFailureUpToABound) {
  Backoff backoff(1);
  std::int64_t most_us = kSecond_us;
  for (int i = 0; i < 20; ++i) {
    const std::int64_t wait_us = backoff.after(Refusal::transient);
    EXPECT_GE(wait_us, most_us / 2);
    EXPECT_LE(wait_us, most_us);
    most_us = std::min(2 * most_us, 5 * kMinute_us);
  }
  EXPECT_EQ(backoff.failures(), 20);
  backoff.worked();
  EXPECT_LE(backoff.after(Refusal::transient), kSecond_us);
}

TEST(Backoff, LeavesAnEngineInTroubleAloneForLonger) {
  for (const Refusal refusal : {Refusal::too_many_parts, Refusal::read_only, Refusal::permanent}) {
    Backoff backoff(1);
    EXPECT_GE(backoff.after(refusal), 15 * kSecond_us);
    for (int i = 0; i < 20; ++i) EXPECT_LE(backoff.after(refusal), 10 * kMinute_us);
  }
}

TEST(Backoff, IsNotTheSameOnEveryNode) {
  EXPECT_NE(Backoff(1).after(Refusal::transient), Backoff(2).after(Refusal::transient));
}

}  // namespace
}  // namespace cgmm::fleet
