// SPDX-License-Identifier: Apache-2.0
#include "core/stuck.hpp"

#include <gtest/gtest.h>

namespace cgmm::core {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

Counters increases_of(std::uint64_t high_events, std::int64_t psi_full_us) {
  Counters counters;
  counters.set(Counter::high_events, high_events);
  counters.set(Counter::psi_full_us, static_cast<std::uint64_t>(psi_full_us));
  return counters;
}

/// Takes samples one after the other.
class Followed {
 public:
  /// A sample so much later; `full_pct` of that time all tasks waited.
  StuckState after(std::int64_t us, std::uint64_t high_events, std::int64_t full_pct) {
    const std::int64_t before_us = now_us_;
    now_us_ += us;
    return follow_stuck(watch_, {}, increases_of(high_events, us * full_pct / 100), before_us, now_us_);
  }
  /// The last of so many.
  StuckState after(int count, std::int64_t us, std::uint64_t high_events, std::int64_t full_pct) {
    StuckState state = StuckState::unknown;
    for (int i = 0; i < count; ++i) state = after(us, high_events, full_pct);
    return state;
  }
  /// Of v1.
  StuckState stands_still(bool is_so) {
    MemorySample sample;
    sample.stands_still = is_so;
    now_us_ += kSecond;
    return follow_stuck(watch_, sample, {}, now_us_ - kSecond, now_us_);
  }
  std::optional<Standstill> stuck() const { return watch_ ? watch_->stuck() : std::nullopt; }
  bool is_watched() const { return watch_ != nullptr; }
  std::int64_t now_us() const { return now_us_; }

  void set_back(std::int64_t us) { now_us_ -= us; }

 private:
  std::unique_ptr<StuckWatch> watch_;
  std::int64_t now_us_ = 1000 * kSecond;
};

TEST(Stuck, AtMemoryHighItIsAfterAMinuteAndFromItsBegin) {
  Followed one;
  const std::int64_t began_at_us = one.now_us();
  EXPECT_EQ(one.after(5, 10 * kSecond, 5000, 98), StuckState::unknown) << "less than a minute";
  EXPECT_EQ(one.after(10 * kSecond, 5000, 98), StuckState::yes);
  ASSERT_TRUE(one.stuck());
  EXPECT_EQ(*one.stuck(), (Standstill{.kind = StuckKind::memory_high,
                                      .began_at_us = began_at_us,
                                      .high_events = 30'000,
                                      .psi_full_us = 58'800'000}));
}

TEST(Stuck, SamplesThatAreMoreThanAMinuteApartAreEnough) {
  Followed one;
  EXPECT_EQ(one.after(300 * kSecond, 5000, 98), StuckState::yes);
}

TEST(Stuck, SamplesOfASecondAreJudgedTenSecondsAtATime) {
  Followed one;
  for (int i = 0; i < 30; ++i) {  // every other second nothing
    one.after(kSecond, 100, 100);
    one.after(kSecond, 0, 20);
  }
  EXPECT_TRUE(one.stuck());
}

TEST(Stuck, ItIsOverWithTheFirstTenSecondsInWhichItWasNotSo) {
  for (const auto& [high_events, full_pct] : {std::pair{0U, 98}, {5000U, 50}}) {
    Followed one;
    ASSERT_EQ(one.after(7, 10 * kSecond, 5000, 98), StuckState::yes);
    EXPECT_EQ(one.after(5 * kSecond, high_events, full_pct), StuckState::yes) << "ten seconds are not over";
    EXPECT_EQ(one.after(5 * kSecond, high_events, full_pct), StuckState::no);
    EXPECT_FALSE(one.is_watched());
    EXPECT_EQ(one.after(5, 10 * kSecond, 5000, 98), StuckState::unknown) << "it begins anew";
  }
}

TEST(Stuck, BeingSlowedDownALittleOrWaitingForOtherReasonsIsNothing) {
  Followed one;
  EXPECT_EQ(one.after(20, 10 * kSecond, 5000, 49), StuckState::no);
  EXPECT_EQ(one.after(20, 10 * kSecond, 0, 98), StuckState::no);
  EXPECT_FALSE(one.is_watched());
}

TEST(Stuck, WithoutPressureOrASampleBeforeItIsNotKnown) {
  std::unique_ptr<StuckWatch> watch;
  Counters without_pressure;
  without_pressure.set(Counter::high_events, 5000);
  EXPECT_EQ(follow_stuck(watch, {}, without_pressure, 0, 300 * kSecond), StuckState::unknown);
  EXPECT_EQ(follow_stuck(watch, {}, {}, std::nullopt, 300 * kSecond), StuckState::unknown);
}

TEST(Stuck, AClockThatIsSetBackEndsNothing) {
  Followed one;
  ASSERT_EQ(one.after(7, 10 * kSecond, 5000, 98), StuckState::yes);
  one.set_back(3600 * kSecond);
  std::unique_ptr<StuckWatch> watch;
  EXPECT_EQ(one.after(10 * kSecond, 5000, 98), StuckState::yes);
  EXPECT_EQ(one.after(10 * kSecond, 0, 0), StuckState::no);
}

TEST(Stuck, WithoutTheOomKillerItIsAtOnceUntilItIsNot) {
  Followed one;
  EXPECT_EQ(one.stands_still(false), StuckState::no);
  EXPECT_EQ(one.stands_still(true), StuckState::yes);
  const std::int64_t began_at_us = one.now_us();
  EXPECT_EQ(one.stands_still(true), StuckState::yes);
  EXPECT_EQ(*one.stuck(), (Standstill{.kind = StuckKind::under_oom, .began_at_us = began_at_us}));
  EXPECT_EQ(one.stands_still(false), StuckState::no);
  EXPECT_FALSE(one.is_watched());
}

}  // namespace
}  // namespace cgmm::core
