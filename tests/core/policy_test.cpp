// SPDX-License-Identifier: Apache-2.0
#include "core/policy.hpp"

#include <gtest/gtest.h>

#include <tuple>

#include "core/glob.hpp"
#include "core/sample.hpp"

namespace cgmm::core {
namespace {

TEST(Exclusions, HoldForAllThatIsAboveButNotBeside) {
  Exclusions exclusions;
  EXPECT_FALSE(exclusions.add(3, true));  // /kubepods/pod1/db
  EXPECT_FALSE(exclusions.add(3, false));
  EXPECT_TRUE(exclusions.add(2, false)) << "/kubepods/pod1";
  EXPECT_FALSE(exclusions.add(3, false));
  EXPECT_FALSE(exclusions.add(2, false)) << "/kubepods/pod2";
  EXPECT_TRUE(exclusions.add(1, false)) << "/kubepods";
  EXPECT_FALSE(exclusions.add(1, true)) << "/unit: none is below it";
  EXPECT_TRUE(exclusions.add(0, false)) << "all";
}

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
  return {.id = std::move(id), .gauges = gauges(file_bytes), .effective_limit_bytes = 400, .settings = settings("25%")};
}

TEST(MayReclaim, IsAMatterOfTheScopeAndOfARuleThatSaysSo) {
  using enum CgroupKind;
  for (const auto& [kind, until_seen, once_seen, only_containers] :
       {std::tuple(container, true, true, true), std::tuple(pod, true, true, true),
        std::tuple(inner, false, false, false), std::tuple(leaf, true, false, false)}) {
    Candidate one = candidate(kWeb, 100);
    one.kind = kind;
    EXPECT_EQ(may_reclaim(one, ReclaimScope::automatic, false), until_seen);
    EXPECT_EQ(may_reclaim(one, ReclaimScope::automatic, true), once_seen);
    EXPECT_EQ(may_reclaim(one, ReclaimScope::containers, false), only_containers);
    EXPECT_TRUE(may_reclaim(one, ReclaimScope::all, true));
    one.has_rule = true;
    EXPECT_TRUE(may_reclaim(one, ReclaimScope::containers, true));
  }
}

TEST(MayReclaim, IsNeverTheRootOfTheHierarchy) {
  Candidate root = candidate({"/", 1}, 100);
  root.kind = CgroupKind::inner;
  EXPECT_FALSE(may_reclaim(root, ReclaimScope::all, false));
  root.has_rule = true;  // such as one for "*"
  EXPECT_FALSE(may_reclaim(root, ReclaimScope::all, false));
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

TEST(FollowRenames, AnotherNameHasTheCooldownOfTheSameInode) {
  const Cooldown of_web{.last_reclaim_at_us = 100, .until_us = 500, .strikes = 2};
  Cooldowns cooldowns{{kWeb, of_web}, {{"/kubepods/older", kWeb.inode}, {.last_reclaim_at_us = 50, .until_us = 90}}};
  const CgroupId renamed{"/kubepods/renamed", kWeb.inode};
  const std::vector<Candidate> scan{candidate(renamed, 200), candidate({"/kubepods/db", 8}, 200), candidate(kWeb, 200)};
  EXPECT_TRUE(follow_renames(cooldowns, scan, /*since_us=*/101).empty()) << "before the machine's start";
  EXPECT_EQ(follow_renames(cooldowns, scan, /*since_us=*/100), std::vector{renamed});
  EXPECT_EQ(cooldowns.at(renamed), of_web);
  EXPECT_TRUE(follow_renames(cooldowns, scan, 100).empty());
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
  const Cooldown settled = corrected(from_the_future, 30 * kSecond, {}, /*now_us=*/10 * kSecond);
  EXPECT_EQ(settled.last_reclaim_at_us, 10 * kSecond);
  EXPECT_EQ(settled.until_us, 40 * kSecond);
}

TEST(Settle, EndsEarlyWhenTheSettingWasLowered) {
  const Cooldown long_one{.last_reclaim_at_us = 0, .until_us = 3600 * kSecond};
  EXPECT_EQ(corrected(long_one, 30 * kSecond, {}, kSecond).until_us, 30 * kSecond);
}

TEST(Settle, LeavesAnOrdinaryCooldownAsItIs) {
  const Cooldown ordinary{.last_reclaim_at_us = kSecond, .until_us = 31 * kSecond, .strikes = 2};
  EXPECT_EQ(corrected(ordinary, 30 * kSecond, {}, 2 * kSecond), ordinary);
}

TEST(Settle, KeepsWhatStrikesHaveMadeOfItUnlessThatIsNoLongerWanted) {
  const Cooldown backed_off{.last_reclaim_at_us = 0, .until_us = 120 * kSecond, .strikes = 2};
  EXPECT_EQ(corrected(backed_off, 30 * kSecond, {}, kSecond), backed_off);
  EXPECT_EQ(corrected(backed_off, 30 * kSecond, {.adaptive = false}, kSecond).until_us, 30 * kSecond);
  EXPECT_EQ(corrected(backed_off, 30 * kSecond, {.max_cooldown_us = 60 * kSecond}, kSecond).until_us, 60 * kSecond);
  EXPECT_EQ(corrected(backed_off, 10 * kSecond, {}, kSecond).until_us, 40 * kSecond);
}

TEST(LearnedCooldown, DoublesWithEachStrikeUpToTheMaximum) {
  const Learning learning{.max_cooldown_us = 300 * kSecond};
  const std::int64_t base_us = 30 * kSecond;
  struct Case {
    std::int64_t strikes, expected_us;
  };
  for (const Case& one : {Case{0, 30 * kSecond},
                          {1, 60 * kSecond},
                          {2, 120 * kSecond},
                          {3, 240 * kSecond},
                          {4, 300 * kSecond},
                          {1'000'000'000'000, 300 * kSecond}}) {
    EXPECT_EQ(learned_cooldown_us(base_us, one.strikes, learning), one.expected_us) << one.strikes;
  }
}

TEST(LearnedCooldown, IsNeverShorterThanTheConfiguredOne) {
  EXPECT_EQ(learned_cooldown_us(7200 * kSecond, 3, {.max_cooldown_us = 3600 * kSecond}), 7200 * kSecond);
  EXPECT_EQ(learned_cooldown_us(0, 0, {}), 0);
  EXPECT_EQ(learned_cooldown_us(30 * kSecond, 3, {.adaptive = false}), 30 * kSecond);
}

TEST(Learn, BacksOffFromWhatDidNotHelpAndComesBackAtOnceWhenItDoes) {
  const Cooldown first{.last_reclaim_at_us = 100 * kSecond, .until_us = 130 * kSecond};
  const Cooldown once = learn(first, Lesson::did_not_help, 30 * kSecond, {});
  EXPECT_EQ(once, (Cooldown{100 * kSecond, 160 * kSecond, 1, kLeastDose_pct}));
  const Cooldown twice = learn(once, Lesson::did_not_help, 30 * kSecond, {});
  EXPECT_EQ(twice, (Cooldown{100 * kSecond, 220 * kSecond, 2, kLeastDose_pct}));
  EXPECT_EQ(learn(twice, Lesson::none, 30 * kSecond, {}), twice);
  EXPECT_EQ(learn(twice, Lesson::helped, 30 * kSecond, {}),
            (Cooldown{100 * kSecond, 130 * kSecond, 0, 4 * kLeastDose_pct}));
}

TEST(Learn, ADoseThatWasTooBigDoesNotEndAPause) {
  const Cooldown paused{.last_reclaim_at_us = 0, .until_us = 240 * kSecond, .strikes = 3, .dose_pct = 25};
  EXPECT_EQ(learn(paused, Lesson::too_much, 30 * kSecond, {}), (Cooldown{0, 240 * kSecond, 3, 12}));
}

TEST(LearnedCooldown, OfNothingDoublesFromASecondOn) {
  EXPECT_EQ(learned_cooldown_us(0, 1, {}), 2 * kSecond);
  EXPECT_EQ(learned_cooldown_us(0, 3, {}), 8 * kSecond);
}

TEST(Learn, CountsStrikesOnlyAsLongAsTheyMakeTheCooldownLonger) {
  Cooldown cooldown{.last_reclaim_at_us = 0, .until_us = 30 * kSecond};
  for (int i = 0; i < 10; ++i)
    cooldown = learn(cooldown, Lesson::did_not_help, 30 * kSecond, {.max_cooldown_us = 100 * kSecond});
  EXPECT_EQ(cooldown, (Cooldown{0, 100 * kSecond, 2, kLeastDose_pct}));
  EXPECT_EQ(learn({0, 30 * kSecond, 0}, Lesson::did_not_help, 30 * kSecond, {.max_cooldown_us = kSecond}),
            (Cooldown{0, 30 * kSecond, 0, kLeastDose_pct}));
}

TEST(Learn, LeavesEverythingAsItIsWhenItIsNotAdaptive) {
  const Cooldown had{.last_reclaim_at_us = 100 * kSecond, .until_us = 130 * kSecond, .strikes = 1};
  for (const Lesson lesson : {Lesson::none, Lesson::helped, Lesson::did_not_help}) {
    EXPECT_EQ(learn(had, lesson, 30 * kSecond, {.adaptive = false}), had);
  }
}

TEST(Learn, ADoseGrowsWhileItHelpsAndShrinksWhenItDoesNot) {
  Cooldown cooldown;
  std::vector<std::int64_t> doses;
  for (const Lesson lesson : {Lesson::helped, Lesson::helped, Lesson::helped, Lesson::may_have, Lesson::did_not_help,
                              Lesson::none, Lesson::did_not_help, Lesson::did_not_help, Lesson::may_have,
                              Lesson::helped, Lesson::helped, Lesson::too_much, Lesson::helped}) {
    cooldown = learn(cooldown, lesson, 30 * kSecond, {});
    doses.push_back(cooldown.dose_pct);
  }
  EXPECT_EQ(doses, (std::vector<std::int64_t>{40, 100, 100, 100, 25, 25, 6, 2, 2, 8, 32, 16, 64}));
  EXPECT_EQ(cooldown.strikes, 0);
}

MemorySample sample(std::uint64_t file_mib, std::uint64_t inactive_mib, std::uint64_t mapped_mib,
                    std::uint64_t dirty_mib) {
  constexpr std::uint64_t kMiB = 1 << 20;
  MemorySample result;
  result.gauges.set(Gauge::file, file_mib * kMiB);
  result.gauges.set(Gauge::shmem, std::uint64_t{0});
  result.gauges.set(Gauge::inactive_file, inactive_mib * kMiB);
  result.gauges.set(Gauge::dirty, dirty_mib * kMiB);
  result.mapped_bytes = mapped_mib * kMiB;
  return result;
}

TEST(Dose, IsAShareOfWhatIsIdle) {
  constexpr std::uint64_t kMiB = 1 << 20;
  struct Case {
    MemorySample sample;
    std::int64_t dose_pct;
    std::uint64_t expected_kib;
  };
  for (const auto& [sample, dose_pct, expected_kib] :
       {Case{sample(300, 200, 0, 0), 10, 20 * 1024}, Case{sample(300, 200, 0, 0), 100, 200 * 1024},
        Case{sample(300, 200, 50, 50), 100, 100 * 1024}, Case{sample(300, 200, 150, 60), 100, 0},
        Case{sample(300, 0, 0, 0), 100, 0}, Case{sample(4, 2, 0, 0), 2, 1024},
        Case{sample(100, 200, 0, 0), 100, 100 * 1024}}) {
    EXPECT_EQ(dose_bytes(sample, ReclaimPolicy::idle, dose_pct, 30 * kMiB) / 1024,
              expected_kib / 1024 * 1024 + expected_kib % 1024)
        << expected_kib;
  }
  MemorySample with_hot = sample(300, 200, 0, 0);
  with_hot.gauges.set(Gauge::active_file, 10 * kMiB);
  EXPECT_EQ(dose_bytes(with_hot, ReclaimPolicy::idle, 100, 30 * kMiB), 190 * kMiB) << "as much as is active stays";
  with_hot.gauges.set(Gauge::active_file, 100 * kMiB);
  EXPECT_EQ(dose_bytes(with_hot, ReclaimPolicy::idle, 100, 30 * kMiB), 170 * kMiB) << "at most the reserve";
  MemorySample old_kernel = sample(300, 200, 0, 0);
  old_kernel.gauges = {};
  old_kernel.gauges.set(Gauge::file, 300 * kMiB);
  EXPECT_EQ(dose_bytes(old_kernel, ReclaimPolicy::idle, 10, 30 * kMiB), 30 * kMiB) << "nobody tells what is idle";
  EXPECT_EQ(dose_bytes(sample(300, 0, 300, 0), ReclaimPolicy::rust, 10, 0), 300 * kMiB);
}

TEST(RustPolicy, IsOfTheWholeCacheAndTheOwnLimit) {
  ReclaimSettings rust = settings("25%");
  rust.policy = ReclaimPolicy::rust;
  EXPECT_TRUE(over_threshold(gauges(100, 100), 400, rust)) << "tmpfs counts";
  EXPECT_EQ(limit_for(ReclaimPolicy::rust, {.limit_bytes = std::nullopt, .effective_limit_bytes = 7}), std::nullopt);
  EXPECT_EQ(limit_for(ReclaimPolicy::idle, {.limit_bytes = std::nullopt, .effective_limit_bytes = 7}), 7U);
  rust.reclaim_to = Threshold::of_bytes(9);
  EXPECT_EQ(target_bytes(400, rust), 0U);
}

TEST(IsForgotten, WhenItIsOverAndWhatWasLearnedADayLaterOrAnHourWhereItIsGone) {
  constexpr std::int64_t kHour = 3600 * kSecond;
  constexpr std::int64_t kDay = 24 * kHour;
  for (const bool is_kept_long : {true, false}) {
    EXPECT_FALSE(is_forgotten({.until_us = 10}, is_kept_long, 9));
    EXPECT_TRUE(is_forgotten({.until_us = 10}, is_kept_long, 10));
  }
  for (const Cooldown& learned : {Cooldown{.until_us = 10, .strikes = 1}, Cooldown{.until_us = 10, .dose_pct = 90}}) {
    EXPECT_FALSE(is_forgotten(learned, true, 9 + kDay));
    EXPECT_TRUE(is_forgotten(learned, true, 10 + kDay));
    EXPECT_FALSE(is_forgotten(learned, false, 9 + kHour));
    EXPECT_TRUE(is_forgotten(learned, false, 10 + kHour));
  }
}

// How many reclaims it takes until all that is idle is taken.
TEST(Learn, ADoseIsWholeAfterAFewReclaims) {
  struct Case {
    std::int64_t dose_pct;
    int reclaims;
  };
  for (const auto& [dose_pct, expected] : {Case{kFirstDose_pct, 3}, Case{kLeastDose_pct, 4}, Case{25, 2}}) {
    Cooldown cooldown{.strikes = 5, .dose_pct = dose_pct};
    int reclaims = 1;
    for (; cooldown.dose_pct < 100; ++reclaims) cooldown = learn(cooldown, Lesson::helped, 30 * kSecond, {});
    EXPECT_EQ(reclaims, expected) << dose_pct;
  }
}

TEST(Policy, LetsTheFirstRuleThatMatchesDecide) {
  const Policy policy{.defaults = settings("25%"),
                      .rules = {{.cgroup = "/kubepods/burstable/*", .threshold = Threshold::of_bytes(7)},
                                {.cgroup = "/kubepods/*", .cooldown_us = 5, .reclaim = false}}};
  EXPECT_EQ(policy.settings_for("/kubepods/burstable/pod1/x", "").threshold, Threshold::of_bytes(7));
  EXPECT_TRUE(policy.settings_for("/kubepods/burstable/pod1/x", "").reclaim);
  EXPECT_FALSE(policy.settings_for("/kubepods/pod1/x", "").reclaim);
  EXPECT_EQ(policy.settings_for("/kubepods/pod1/x", "").cooldown_us, 5);
  EXPECT_EQ(policy.settings_for("/system.slice/a", ""), policy.defaults);
}

TEST(Policy, TakesRulesByWorkloadInTheSameOrder) {
  const Policy policy{.defaults = settings("25%"),
                      .rules = {{.cgroup = "/kubepods/besteffort/*", .cooldown_us = 1},
                                {.workload = "shop/db/*", .reclaim = false},
                                {.cgroup = "/kubepods/*", .cooldown_us = 2},
                                {.workload = "*", .cooldown_us = 3}}};
  const auto rule_of = [&](const char* path, const char* workload) -> std::ptrdiff_t {
    const Rule* const rule = policy.rule_for(path, workload);
    return rule == nullptr ? -1 : rule - policy.rules.data();
  };
  EXPECT_EQ(rule_of("/kubepods/besteffort/x", "shop/db/pg"), 0);
  EXPECT_EQ(rule_of("/kubepods/x", "shop/db/pg"), 1);
  EXPECT_EQ(rule_of("/kubepods/x", "shop/db"), 1) << "the pod of such a container";
  EXPECT_EQ(rule_of("/kubepods/x", "shop/db2/pg"), 2);
  EXPECT_EQ(rule_of("/docker/x", "web"), 3);
  EXPECT_EQ(rule_of("/docker/x", ""), -1) << "nobody knows its name";
  EXPECT_FALSE(policy.may_change(&policy.rules[0]));
  EXPECT_TRUE(policy.may_change(&policy.rules[2])) << "the name may be shop/db/pg";
  EXPECT_TRUE(policy.may_change(nullptr));
  EXPECT_FALSE(Policy{}.may_change(nullptr));
}

TEST(TargetBytes, IsHalfTheThresholdOrReclaimTo) {
  ReclaimSettings down_to = settings("50%");
  EXPECT_EQ(target_bytes(400, down_to), 0U) << "all that is idle";
  down_to.policy = ReclaimPolicy::target;
  EXPECT_EQ(target_bytes(400, down_to), 100U);
  down_to.reclaim_to = Threshold::of_bytes(50);
  EXPECT_EQ(target_bytes(400, down_to), 50U);
  down_to.reclaim_to = Threshold::of_percent(10);
  EXPECT_EQ(target_bytes(400, down_to), 40U);
  EXPECT_EQ(target_bytes(std::nullopt, {.threshold = Threshold::of_bytes(50), .reclaim_to = Threshold::of_percent(10)}),
            25U)
      << "no limit to take a share of";
}

TEST(GlobMatches, MeansWhatSqlitesGlobMeans) {
  struct Case {
    const char* pattern;
    const char* path;
    bool matches;
  };
  for (const Case& one : {Case{"*", "/a/b", true},
                          {"/a/*", "/a/b/c", true},
                          {"/a/*", "/a", false},
                          {"/a?c", "/abc", true},
                          {"/a?c", "/ac", false},
                          {"/a?c",
                           "/a\xc3\xa4"
                           "c",
                           true},
                          {"/[ab]", "/b", true},
                          {"/[^ab]", "/b", false},
                          {"/[a-c]x", "/bx", true},
                          {"/[]]", "/]", true},
                          {"/[a", "/a", false},
                          {"*web*", "/pods/web-1/x", true},
                          {"", "", true},
                          {"", "/", false},
                          {"/a*b*c", "/axxbyyc", true},
                          {"/a*b*c", "/axxbyy", false},
                          {"\\*", "\\anything", true},
                          // Peculiar.
                          {"[]-z]", "]", true},
                          {"[]-z]", "a", false},
                          {"[]-z]", "-", true},
                          {"[z-a]", "z", true},
                          {"[z-a]", "b", false},
                          {"[a-c-e]", "d", false},
                          {"[a-c-e]", "-", true},
                          {"[^]a]", "]", false}}) {
    EXPECT_EQ(glob_matches(one.pattern, one.path), one.matches) << one.pattern << " on " << one.path;
  }
}

TEST(GlobMatches, IsNotSlowedDownByAHostilePath) {
  const std::string path(4096, 'a');
  EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", path));
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
