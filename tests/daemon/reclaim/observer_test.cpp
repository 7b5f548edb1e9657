// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/observer.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace cgmm::daemon {
namespace {

using core::ObservationEnd;
using core::Verdict;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kEnd = 100 * kSecond;     // of the reclaim, on the clock that is never set
constexpr std::int64_t kBegun = 5000 * kSecond;  // by the wall clock
constexpr std::int64_t kCooldown = 30 * kSecond;
const core::CgroupId kWeb{"/web", 7};

class ObserverTest : public ::testing::Test {
 protected:
  /// It freed 40 MiB and left 8.
  void begin(std::int64_t reclaim_id = 1, std::uint64_t freed_bytes = 40 * kMiB) {
    core::Reclaim reclaim;
    reclaim.reclaim_id = reclaim_id;
    reclaim.id = kWeb;
    reclaim.outcome = core::ReclaimOutcome::done;
    reclaim.freed_bytes = freed_bytes;
    const auto before = cooldowns_.find(kWeb);
    const std::int64_t strikes = before == cooldowns_.end() ? 0 : before->second.strikes;
    cooldowns_[kWeb] = {kBegun, kBegun + core::learned_cooldown_us(kCooldown, strikes, learning_), strikes};
    observer_.set_learning(learning_);
    observer_.begin(reclaim, 40 * kMiB, sighting(0), kEnd, kCooldown);
  }
  void see(std::int64_t after_s, std::uint64_t refaulted_mib) {
    const core::Sighting other{.inode = 2, .cache_bytes = 1, .refault_file = 1 << 20};
    const std::vector<core::Sighting> sightings{other, sighting(refaulted_mib)};
    observer_.see(sightings, kEnd + after_s * kSecond);
  }
  static core::Sighting sighting(std::uint64_t refaulted_mib) {
    return {.inode = kWeb.inode, .cache_bytes = 8 * kMiB, .refault_file = refaulted_mib * kMiB / 4096};
  }
  /// What has been told since the last call.
  std::vector<core::Effect> told() {
    queue_.push(core::ServiceEvent{});  // so that there is always something to take
    std::vector<core::Effect> effects;
    const std::vector<Record> taken = queue_.take();
    for (const Record& record : taken) {
      if (const auto* effect = std::get_if<core::Effect>(&record)) effects.push_back(*effect);
      if (const auto* one = std::get_if<core::CgroupCooldown>(&record)) told_cooldowns_.push_back(one->cooldown);
    }
    queue_.done(taken);
    return effects;
  }

  core::Learning learning_;
  core::Cooldowns cooldowns_;
  std::vector<core::Cooldown> told_cooldowns_;  // by told()
  RecordQueue queue_;
  Observer observer_{cooldowns_, queue_, 4096};
};

TEST_F(ObserverTest, TellsWhatIsKnownAtOnceEachMinuteAndAtTheEnd) {
  begin();
  for (std::int64_t s = 10; s <= 290; s += 10) see(s, 1);
  const std::vector<core::Effect> so_far = told();
  ASSERT_EQ(so_far.size(), 6U) << "first, effective at 30 s, and at 90, 150, 210 and 270 s";
  EXPECT_EQ(so_far[0].verdict, Verdict::unknown);
  EXPECT_EQ(so_far[0].observed_for_us, 10 * kSecond);
  EXPECT_EQ(so_far[1].verdict, Verdict::effective);
  EXPECT_EQ(so_far[1].observed_for_us, 30 * kSecond);
  EXPECT_FALSE(so_far[5].ended_by);
  see(300, 1);
  const std::vector<core::Effect> at_the_end = told();
  ASSERT_EQ(at_the_end.size(), 1U);
  EXPECT_EQ(at_the_end[0].ended_by, ObservationEnd::observe_for);
  EXPECT_EQ(at_the_end[0].observed_for_us, 300 * kSecond);
  EXPECT_EQ(at_the_end[0].refaulted_bytes, kMiB);
  see(310, 30);
  EXPECT_TRUE(told().empty()) << "it is not watched any more";
}

TEST_F(ObserverTest, ChurnDoublesTheCooldownAsSoonAsItIsKnownAndOnlyOnce) {
  begin();
  see(10, 19);
  EXPECT_EQ(cooldowns_.at(kWeb).strikes, 0);
  see(20, 20);
  const core::Cooldown doubled{kBegun, kBegun + 2 * kCooldown, 1, core::kLeastDose_pct};
  EXPECT_EQ(cooldowns_.at(kWeb), doubled);
  see(30, 25);
  observer_.end_for_next(sighting(26), kEnd + 31 * kSecond);
  EXPECT_EQ(cooldowns_.at(kWeb), doubled);
  const std::vector<core::Effect> effects = told();
  ASSERT_EQ(effects.size(), 3U);
  EXPECT_EQ(told_cooldowns_, std::vector{doubled});
  EXPECT_EQ(effects[2].verdict, Verdict::churn);
  EXPECT_EQ(effects[2].ended_by, ObservationEnd::next_reclaim);
  EXPECT_EQ(effects[2].refaulted_bytes, 26 * kMiB) << "up to the very end";
}

TEST_F(ObserverTest, AnEffectiveReclaimResetsTheCooldownAtTheEndOfItsWatch) {
  cooldowns_[kWeb].strikes = 3;
  begin();
  EXPECT_EQ(cooldowns_.at(kWeb).until_us, kBegun + 8 * kCooldown);
  see(299, 0);
  EXPECT_EQ(cooldowns_.at(kWeb).strikes, 3) << "it may still turn out to churn";
  see(300, 0);
  EXPECT_EQ(cooldowns_.at(kWeb), (core::Cooldown{kBegun, kBegun + kCooldown, 0, 4 * core::kFirstDose_pct}));
  told();
  EXPECT_EQ(told_cooldowns_, std::vector{cooldowns_.at(kWeb)});
}

TEST_F(ObserverTest, AFutileReclaimIsAStrikeAtOnce) {
  begin(1, /*freed_bytes=*/kMiB);
  EXPECT_EQ(cooldowns_.at(kWeb), (core::Cooldown{kBegun, kBegun + 2 * kCooldown, 1, core::kLeastDose_pct}));
  const std::vector<core::Effect> effects = told();
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(effects[0].verdict, Verdict::futile);
  EXPECT_EQ(effects[0].ended_by, ObservationEnd::at_once);
}

TEST_F(ObserverTest, WithoutAdaptingItWatchesAndLearnsNothing) {
  learning_.adaptive = false;
  begin();
  see(10, 40);
  EXPECT_EQ(cooldowns_.at(kWeb), (core::Cooldown{kBegun, kBegun + kCooldown, 0}));
  const std::vector<core::Effect> effects = told();
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(effects[0].verdict, Verdict::churn);
  EXPECT_TRUE(told_cooldowns_.empty());
}

TEST_F(ObserverTest, ACgroupThatIsNotSeenAgainHasVanishedWhenItsTimeIsOver) {
  begin();
  see(40, 1);
  told();
  observer_.see({}, kEnd + 359 * kSecond);
  EXPECT_TRUE(told().empty()) << "it may not have been readable";
  observer_.see({}, kEnd + 360 * kSecond);
  const std::vector<core::Effect> effects = told();
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(effects[0].ended_by, ObservationEnd::vanished);
  EXPECT_EQ(effects[0].observed_for_us, 40 * kSecond) << "as long as it was seen";
  EXPECT_EQ(effects[0].verdict, Verdict::effective);
}

TEST_F(ObserverTest, AStopShortensTheWatchAndTheRowSaysHowLongItWas) {
  begin();
  see(12, 1);
  told();
  observer_.end_all(ObservationEnd::stop);
  const std::vector<core::Effect> effects = told();
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(effects[0].ended_by, ObservationEnd::stop);
  EXPECT_EQ(effects[0].observed_for_us, 12 * kSecond);
  EXPECT_EQ(effects[0].verdict, Verdict::unknown);
}

TEST_F(ObserverTest, AStopDoesNotTakeBackWhatWasLearnedBefore) {
  cooldowns_[kWeb].strikes = 4;
  begin();
  see(31, 0);
  observer_.end_all(ObservationEnd::stop);
  EXPECT_EQ(cooldowns_.at(kWeb), (core::Cooldown{kBegun, kBegun + 16 * kCooldown, 4}));
  EXPECT_EQ(told().back().verdict, Verdict::effective) << "as far as it was seen";
}

TEST_F(ObserverTest, AScanLongAfterIsStillAnAnswer) {
  begin();
  see(900, 30);  // the interval is longer than the watch
  const std::vector<core::Effect> effects = told();
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(effects[0].observed_for_us, 900 * kSecond);
  EXPECT_EQ(effects[0].verdict, Verdict::churn);
  EXPECT_EQ(effects[0].ended_by, ObservationEnd::observe_for);
  EXPECT_EQ(cooldowns_.at(kWeb).strikes, 1);
}

}  // namespace
}  // namespace cgmm::daemon
