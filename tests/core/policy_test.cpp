// SPDX-License-Identifier: Apache-2.0
#include "core/policy.hpp"

#include <gtest/gtest.h>

#include "core/glob.hpp"
#include "core/outcome.hpp"
#include "core/values.hpp"

namespace cgmm::core {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
const CgroupId kWeb{"/kubepods/web", 7};

Gauges gauges(std::uint64_t file_bytes, std::uint64_t shmem_bytes = 0) {
  Gauges result;
  result.set(Gauge::file, file_bytes);
  result.set(Gauge::shmem, shmem_bytes);
  return result;
}

ReclaimSettings settings(const char* threshold) { return {.threshold = Threshold::parse(threshold).value()}; }

Candidate candidate(CgroupId id, std::uint64_t file_bytes) {
  return {std::move(id), gauges(file_bytes), 400, settings("25%")};
}

TEST(OverThreshold, CountsCacheThatCanBeDroppedAndNotTmpfs) {
  EXPECT_TRUE(over_threshold(gauges(100), 400, settings("25%")));
  EXPECT_FALSE(over_threshold(gauges(99), 400, settings("25%")));
  EXPECT_FALSE(over_threshold(gauges(300, 250), 400, settings("25%")));
  EXPECT_FALSE(over_threshold(gauges(100, 300), 400, settings("1")));
}

TEST(OverThreshold, IsFalseWhereThereIsNothingToTakeAShareOf) {
  EXPECT_FALSE(over_threshold(gauges(100), std::nullopt, settings("25%")));
  EXPECT_TRUE(over_threshold(gauges(100), std::nullopt, settings("100")));
  EXPECT_FALSE(over_threshold(gauges(0), 400, settings("0%")));
  EXPECT_FALSE(over_threshold(Gauges{}, 400, settings("0")));
}

TEST(OverThreshold, IsFalseWhereReclaimIsOff) {
  ReclaimSettings off = settings("1");
  off.reclaim = false;
  EXPECT_FALSE(over_threshold(gauges(100), 400, off));
}

TEST(ChooseReclaims, LeavesACgroupAloneUntilItsCooldownEnds) {
  const Cooldowns cooldowns{{kWeb, {.last_reclaim_at_us = 100, .until_us = 500}}};
  const std::vector<Candidate> scan{candidate(kWeb, 200)};
  EXPECT_TRUE(choose_reclaims(scan, cooldowns, /*now_us=*/499).empty());
  EXPECT_EQ(choose_reclaims(scan, cooldowns, /*now_us=*/500).size(), 1U);
}

TEST(ChooseReclaims, TakesACgroupRecreatedUnderTheSamePathForAnother) {
  const Cooldowns cooldowns{{kWeb, {.last_reclaim_at_us = 100, .until_us = 500}}};
  const std::vector<Candidate> scan{candidate({kWeb.path, kWeb.inode + 1}, 200)};
  EXPECT_EQ(choose_reclaims(scan, cooldowns, /*now_us=*/200).size(), 1U);
}

TEST(ChooseReclaims, BeginsWithTheMostReclaimableCache) {
  const std::vector<Candidate> scan{candidate({"/a", 1}, 150), candidate({"/b", 2}, 300), candidate({"/c", 3}, 99)};
  const auto chosen = choose_reclaims(scan, {}, 0);
  ASSERT_EQ(chosen.size(), 2U);
  EXPECT_EQ(chosen[0]->id.path, "/b");
  EXPECT_EQ(chosen[1]->id.path, "/a");
}

TEST(Settle, NeverBlocksLongerThanOneCooldownAfterTheClockWasSetBack) {
  const Cooldown from_the_future{.last_reclaim_at_us = 1000 * kSecond, .until_us = 1030 * kSecond};
  const Cooldown settled = settle(from_the_future, 30 * kSecond, /*now_us=*/10 * kSecond);
  EXPECT_EQ(settled.last_reclaim_at_us, 10 * kSecond);
  EXPECT_EQ(settled.until_us, 40 * kSecond);
}

TEST(Settle, EndsEarlyWhenTheSettingWasLowered) {
  const Cooldown long_one{.last_reclaim_at_us = 0, .until_us = 3600 * kSecond};
  EXPECT_EQ(settle(long_one, 30 * kSecond, kSecond).until_us, 30 * kSecond);
}

TEST(Settle, LeavesAnOrdinaryCooldownAsItIs) {
  const Cooldown ordinary{.last_reclaim_at_us = kSecond, .until_us = 31 * kSecond, .strikes = 2};
  EXPECT_EQ(settle(ordinary, 30 * kSecond, 2 * kSecond), ordinary);
}

TEST(Policy, LetsTheFirstRuleThatMatchesDecide) {
  const Policy policy{.defaults = settings("25%"),
                      .rules = {{.cgroup = "/kubepods/burstable/*", .threshold = Threshold::of_bytes(7)},
                                {.cgroup = "/kubepods/*", .cooldown_us = 5, .reclaim = false}}};
  EXPECT_EQ(policy.settings_for("/kubepods/burstable/pod1/x").threshold, Threshold::of_bytes(7));
  EXPECT_TRUE(policy.settings_for("/kubepods/burstable/pod1/x").reclaim);
  EXPECT_FALSE(policy.settings_for("/kubepods/pod1/x").reclaim);
  EXPECT_EQ(policy.settings_for("/kubepods/pod1/x").cooldown_us, 5);
  EXPECT_EQ(policy.settings_for("/system.slice/a"), policy.defaults);
}

TEST(RequestedBytes, AsksForWhatIsAboveHalfTheThresholdOrReclaimTo) {
  EXPECT_EQ(requested_bytes(gauges(300), 400, settings("50%")), 200U);
  ReclaimSettings down_to = settings("50%");
  down_to.reclaim_to = Threshold::of_bytes(50);
  EXPECT_EQ(requested_bytes(gauges(300, 20), 400, down_to), 230U);
  EXPECT_EQ(requested_bytes(gauges(10), 400, settings("50%")), 1U);
}

TEST(GlobMatches, MeansWhatSqlitesGlobMeans) {
  struct Case {
    const char* pattern;
    const char* path;
    bool matches;
  };
  for (const Case& one : {Case{"*", "/a/b", true}, {"/a/*", "/a/b/c", true}, {"/a/*", "/a", false},
                          {"/a?c", "/abc", true}, {"/a?c", "/ac", false}, {"/a?c", "/a\xc3\xa4" "c", true},
                          {"/[ab]", "/b", true}, {"/[^ab]", "/b", false}, {"/[a-c]x", "/bx", true},
                          {"/[]]", "/]", true}, {"/[a", "/a", false}, {"*web*", "/pods/web-1/x", true},
                          {"", "", true}, {"", "/", false}, {"/a*b*c", "/axxbyyc", true}, {"/a*b*c", "/axxbyy", false},
                          {"\\*", "\\anything", true}}) {
    EXPECT_EQ(glob_matches(one.pattern, one.path), one.matches) << one.pattern << " on " << one.path;
  }
}

TEST(GlobMatches, IsNotSlowedDownByAHostilePath) {
  const std::string path(4096, 'a');
  EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", path));
}

TEST(Judge, GoesByWhatWasMeasuredAndNotByTheAnswer) {
  const auto of = [](std::uint64_t usage) {
    Gauges result;
    result.set(Gauge::usage, usage);
    return result;
  };
  const auto again = std::make_error_code(std::errc::resource_unavailable_try_again);
  EXPECT_EQ(judge(of(1000), of(400), std::nullopt, {}), ReclaimOutcome::done);
  EXPECT_EQ(judge(of(1000), of(400), 600, again), ReclaimOutcome::done);
  EXPECT_EQ(judge(of(1000), of(700), 600, again), ReclaimOutcome::partial);
  EXPECT_EQ(judge(of(1000), of(1000), 600, again), ReclaimOutcome::partial);
  EXPECT_EQ(judge(of(1000), of(1000), 600, std::make_error_code(std::errc::permission_denied)), ReclaimOutcome::failed);
  EXPECT_EQ(judge(of(1000), of(900), 600, std::make_error_code(std::errc::interrupted)), ReclaimOutcome::interrupted);
  EXPECT_EQ(judge(of(1000), std::nullopt, 600, {}), ReclaimOutcome::vanished);
}

TEST(FreedBytes, IsWhatUsageFellByAndNeverNegative) {
  Gauges before = gauges(500);
  Gauges after = gauges(200);
  EXPECT_EQ(freed_bytes(before, after), 300U);
  before.set(Gauge::usage, 1000);
  after.set(Gauge::usage, 1100);
  EXPECT_EQ(freed_bytes(before, after), 0U);
  EXPECT_EQ(freed_bytes(Gauges{}, Gauges{}), std::nullopt);
}

TEST(Increase, IsAbsentWithoutAnEarlierValueAndAfterACounterWentBack) {
  Counters before;
  Counters after;
  after.set(Counter::pgfault, 10);
  EXPECT_EQ(increase(before, after)[Counter::pgfault], std::nullopt);
  before.set(Counter::pgfault, 4);
  EXPECT_EQ(increase(before, after)[Counter::pgfault], 6U);
  before.set(Counter::pgfault, 11);
  EXPECT_EQ(increase(before, after)[Counter::pgfault], std::nullopt);
}

}  // namespace
}  // namespace cgmm::core
