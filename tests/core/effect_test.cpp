// SPDX-License-Identifier: Apache-2.0
#include "core/effect.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace cgmm::core {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kPage = 4096;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kEnd = 1000 * kSecond;
const Learning kLearning;

/// Freed 40 of 48 MiB and left 8, when 1000 pages had been refaulted before.
Reclaim reclaim_that_freed(std::optional<std::uint64_t> freed_bytes, ReclaimOutcome outcome = ReclaimOutcome::done) {
  Reclaim reclaim;
  reclaim.reclaim_id = 7;
  reclaim.freed_bytes = freed_bytes;
  reclaim.outcome = outcome;
  return reclaim;
}
Sighting sighting(std::uint64_t cache_mib, std::optional<std::uint64_t> refaults) {
  return {.inode = 1, .cache_bytes = cache_mib * kMiB, .refault_file = refaults, .refault_anon = {}};
}
Observation watch(std::optional<std::uint64_t> refaults = 1000) {
  return {reclaim_that_freed(40 * kMiB), 40 * kMiB, sighting(8, refaults), kEnd, kPage};
}
constexpr std::uint64_t pages_of(std::uint64_t mib) { return mib * kMiB / kPage; }

TEST(Effect, OfARemainderManyRefaultsMayBeOfTheRunningCgroupsBelowIt) {
  Sighting after = sighting(8, 1000);
  after.counts_those_below = true;
  const auto seen = [&](std::uint64_t refaulted_mib, std::uint64_t cache_mib) {
    Observation watched(reclaim_that_freed(40 * kMiB), 40 * kMiB, after, kEnd, kPage);
    watched.see(sighting(cache_mib, 1000 + pages_of(refaulted_mib)), kEnd + 300 * kSecond);
    return watched;
  };
  const auto effect = [&](std::uint64_t refaulted_mib) {
    return seen(refaulted_mib, 8).effect(kLearning, ObservationEnd::observe_for);
  };
  EXPECT_EQ(effect(0).verdict, Verdict::effective);
  EXPECT_EQ(effect(19).verdict, Verdict::effective) << "no more was read again, whoever read it";
  EXPECT_EQ(effect(20).verdict, Verdict::unknown);
  EXPECT_EQ(effect(20).judged_by, JudgedBy::regrowth);
  EXPECT_EQ(effect(20).refaulted_bytes, 20 * kMiB) << "what the kernel counted stays on record";
  EXPECT_EQ(seen(400, 8).lesson(effect(400)), Lesson::may_have);
  const Observation regrown = seen(400, 48);
  EXPECT_EQ(regrown.lesson(regrown.effect(kLearning, ObservationEnd::observe_for)), Lesson::did_not_help);
}

TEST(Effect, TheVerdictGoesByWhatWasReadAgainOfWhatWasFreed) {
  struct Case {
    const char* what;
    std::uint64_t refaulted_mib;
    std::int64_t after_s;
    Verdict verdict;
    std::optional<JudgedBy> by;
  };
  const Case cases[] = {
      {"nothing was, long enough", 0, 300, Verdict::effective, JudgedBy::refaults},
      {"nothing was, half a minute", 0, 30, Verdict::effective, JudgedBy::refaults},
      {"nothing was, but it is early", 0, 29, Verdict::unknown, std::nullopt},
      {"less than half", 19, 300, Verdict::effective, JudgedBy::refaults},
      {"half", 20, 300, Verdict::churn, JudgedBy::refaults},
      {"more than there was", 400, 300, Verdict::churn, JudgedBy::refaults},
      {"what is churn early stays it", 20, 1, Verdict::churn, JudgedBy::refaults},
  };
  for (const Case& one : cases) {
    Observation watched = watch();
    watched.see(sighting(8, 1000 + pages_of(one.refaulted_mib)), kEnd + one.after_s * kSecond);
    const Effect effect = watched.effect(kLearning, std::nullopt);
    EXPECT_EQ(effect.reclaim_id, 7);
    EXPECT_EQ(effect.verdict, one.verdict) << one.what;
    EXPECT_EQ(effect.judged_by, one.by) << one.what;
    EXPECT_EQ(effect.refaulted_bytes, one.refaulted_mib * kMiB) << one.what;
    EXPECT_EQ(effect.observed_for_us, one.after_s * kSecond) << one.what;
  }
}

TEST(Effect, CountsPagesOfTheSizeThatTheMachineHas) {
  Observation watched(reclaim_that_freed(40 * kMiB), 40 * kMiB, sighting(8, 0), kEnd, 65'536);
  watched.see(sighting(8, 3), kEnd + kSecond);
  EXPECT_EQ(watched.effect(kLearning, std::nullopt).refaulted_bytes, 3U * 65'536);
}

TEST(Effect, AShortObservationIsJudgedByItsOwnLength) {
  const Learning short_one{.observe_for_us = 5 * kSecond};
  Observation watched = watch();
  watched.see(sighting(8, 1000), kEnd + 5 * kSecond);
  EXPECT_EQ(watched.effect(short_one, std::nullopt).verdict, Verdict::effective);
}

TEST(Effect, IsUnknownBeforeTheFirstScan) {
  const Effect effect = watch().effect(kLearning, std::nullopt);
  EXPECT_EQ(effect.verdict, Verdict::unknown);
  EXPECT_EQ(effect.observed_for_us, 0);
  EXPECT_EQ(effect.refaulted_bytes, std::nullopt);
  EXPECT_EQ(effect.regrown_bytes, std::nullopt);
  EXPECT_EQ(effect.held_byte_seconds, std::nullopt);
}

TEST(Effect, WithoutARefaultCounterItIsUnknownAndMarkedAsJudgedByRegrowth) {
  Observation regrown = watch(std::nullopt);
  regrown.see(sighting(28, std::nullopt), kEnd + 300 * kSecond);
  Observation held = watch(std::nullopt);
  held.see(sighting(27, std::nullopt), kEnd + 300 * kSecond);
  for (const Observation* one : {&regrown, &held}) {
    EXPECT_EQ(one->effect(kLearning, ObservationEnd::observe_for).verdict, Verdict::unknown);
    EXPECT_EQ(one->effect(kLearning, ObservationEnd::observe_for).judged_by, JudgedBy::regrowth);
    EXPECT_EQ(one->effect(kLearning, ObservationEnd::observe_for).refaulted_bytes, std::nullopt);
  }
  EXPECT_EQ(regrown.effect(kLearning, std::nullopt).regrown_bytes, 20 * kMiB);
  EXPECT_EQ(regrown.lesson(regrown.effect(kLearning, std::nullopt)), Lesson::did_not_help);
  EXPECT_EQ(held.lesson(held.effect(kLearning, ObservationEnd::observe_for)), Lesson::may_have);
}

TEST(Effect, AtTheEndWhatStayedFreeIsWeighedAgainstWhatWasReadAgain) {
  for (const auto& [refaulted_mib, verdict] : {std::pair(12, Verdict::effective), std::pair(13, Verdict::churn)}) {
    Observation watched = watch();
    watched.see(sighting(8, 1000 + pages_of(static_cast<std::uint64_t>(refaulted_mib))), kEnd + 90 * kSecond);
    EXPECT_EQ(watched.effect(kLearning, std::nullopt).verdict, Verdict::effective) << "it goes on";
    EXPECT_EQ(watched.effect(kLearning, ObservationEnd::next_reclaim).verdict, verdict)
        << "40 MiB for 90 s are worth 12 MiB for 300 s";
  }
  struct Case {
    int refaulted_mib;
    Lesson lesson;
  };
  for (const auto& [refaulted_mib, lesson] :
       {Case{1, Lesson::helped}, Case{3, Lesson::too_much}, Case{4, Lesson::did_not_help}}) {
    Observation watched = watch();
    watched.see(sighting(8, 1000 + pages_of(static_cast<std::uint64_t>(refaulted_mib))), kEnd + 15 * kSecond);
    EXPECT_EQ(watched.lesson(watched.effect(kLearning, ObservationEnd::next_reclaim)), lesson) << "40 MiB for 15 s";
  }
  Observation brief = watch();
  brief.see(sighting(8, 1000 + pages_of(2)), kEnd + 10 * kSecond);
  EXPECT_EQ(brief.effect(kLearning, ObservationEnd::stop).verdict, Verdict::unknown);
  EXPECT_EQ(brief.effect(kLearning, ObservationEnd::next_reclaim).verdict, Verdict::churn);
}

TEST(Effect, WhereTheKernelCantHaveRememberedWhatItEvictedRegrowthDecides) {
  struct Case {
    const char* what;
    std::uint64_t left_mib, refaulted_mib, cache_mib;
    Verdict verdict;
    JudgedBy by;
    Lesson lesson;
  };
  const Case cases[] = {
      {"grown, but little is known to be the same", 4, 1, 48, Verdict::unknown, JudgedBy::regrowth,
       Lesson::did_not_help},
      {"not grown, so not read again", 4, 0, 27, Verdict::effective, JudgedBy::refaults, Lesson::helped},
      {"what is counted was read again", 4, 20, 48, Verdict::churn, JudgedBy::refaults, Lesson::did_not_help},
      {"enough was left to remember the rest", 5, 1, 48, Verdict::effective, JudgedBy::refaults, Lesson::helped},
  };
  for (const Case& one : cases) {
    Reclaim reclaim = reclaim_that_freed(40 * kMiB);
    reclaim.after.emplace().set(Gauge::usage, one.left_mib * kMiB);
    Observation watched(reclaim, 40 * kMiB, sighting(8, 1000), kEnd, kPage);
    watched.see(sighting(one.cache_mib, 1000 + pages_of(one.refaulted_mib)), kEnd + 300 * kSecond);
    const Effect effect = watched.effect(kLearning, ObservationEnd::observe_for);
    EXPECT_EQ(effect.verdict, one.verdict) << one.what;
    EXPECT_EQ(effect.judged_by, one.by) << one.what;
    EXPECT_EQ(effect.refaulted_bytes, one.refaulted_mib * kMiB) << one.what;
    EXPECT_EQ(watched.lesson(effect), one.lesson) << one.what;
  }
}

TEST(Effect, WhatIsHeldIsWhatHasNotRegrownTimesHowLong) {
  Observation watched = watch();
  watched.see(sighting(8, 1000), kEnd + 100 * kSecond);   // 40 MiB for 100 s
  watched.see(sighting(28, 1000), kEnd + 200 * kSecond);  // from 40 down to 20 MiB in 100 s
  watched.see(sighting(88, 1000), kEnd + 300 * kSecond);  // down to nothing
  const Effect effect = watched.effect(kLearning, std::nullopt);
  EXPECT_EQ(effect.held_byte_seconds, (40 * 100 + 30 * 100 + 10 * 100) * kMiB);
  EXPECT_EQ(effect.regrown_bytes, 80 * kMiB) << "new pages may be more than were freed";
  EXPECT_EQ(effect.verdict, Verdict::effective) << "growing is not reading again";
}

TEST(Effect, LeavesOutScansFromBeforeTheReclaimsEnd) {
  Observation watched = watch();
  watched.see(sighting(48, 9000), kEnd - kSecond);
  watched.see(sighting(48, 9000), kEnd);
  EXPECT_EQ(watched.effect(kLearning, std::nullopt).observed_for_us, 0);
}

TEST(Effect, ACounterThatCantBeReadOnceIsAsItWas) {
  Observation watched = watch();
  watched.see(sighting(8, 1000 + pages_of(20)), kEnd + kSecond);
  watched.see(sighting(8, std::nullopt), kEnd + 2 * kSecond);
  EXPECT_EQ(watched.effect(kLearning, std::nullopt).verdict, Verdict::churn);
}

TEST(Effect, WhereThereIsNothingToWatchTheVerdictComesAtOnce) {
  struct Case {
    const char* what;
    std::optional<std::uint64_t> freed_bytes;
    ReclaimOutcome outcome;
    Verdict verdict;
    std::optional<JudgedBy> by;
    Lesson lesson;
  };
  const Case cases[] = {
      {"refused", 0, ReclaimOutcome::failed, Verdict::failed, std::nullopt, Lesson::did_not_help},
      {"freed nothing", 0, ReclaimOutcome::partial, Verdict::futile, JudgedBy::amount, Lesson::did_not_help},
      {"freed almost nothing", 4 * kMiB - 1, ReclaimOutcome::done, Verdict::futile, JudgedBy::amount,
       Lesson::did_not_help},
      {"gone", std::nullopt, ReclaimOutcome::vanished, Verdict::unknown, std::nullopt, Lesson::none},
      {"stopped", 30 * kMiB, ReclaimOutcome::interrupted, Verdict::unknown, std::nullopt, Lesson::none},
      {"not measured", std::nullopt, ReclaimOutcome::done, Verdict::unknown, std::nullopt, Lesson::none},
  };
  for (const Case& one : cases) {
    const Observation watched(reclaim_that_freed(one.freed_bytes, one.outcome), 40 * kMiB, sighting(8, 0), kEnd, kPage);
    EXPECT_TRUE(watched.is_judged_at_once()) << one.what;
    const Effect effect = watched.effect(kLearning, std::nullopt);
    EXPECT_EQ(effect.verdict, one.verdict) << one.what;
    EXPECT_EQ(effect.judged_by, one.by) << one.what;
    EXPECT_EQ(watched.lesson(effect), one.lesson) << one.what;
  }
  EXPECT_FALSE(Observation(reclaim_that_freed(4 * kMiB), 40 * kMiB, sighting(8, 0), kEnd, kPage).is_judged_at_once())
      << "a tenth is something";
}

TEST(Effect, TeachesTheCooldown) {
  Observation churned = watch();
  churned.see(sighting(28, 1000 + pages_of(20)), kEnd + kSecond);
  EXPECT_EQ(churned.lesson(churned.effect(kLearning, std::nullopt)), Lesson::did_not_help);
  Observation helped = watch();
  helped.see(sighting(8, 1000), kEnd + 300 * kSecond);
  EXPECT_EQ(helped.lesson(helped.effect(kLearning, ObservationEnd::observe_for)), Lesson::helped);
  EXPECT_EQ(helped.lesson(helped.effect(kLearning, ObservationEnd::next_reclaim)), Lesson::helped);
  for (const auto end : {std::optional<ObservationEnd>{}, std::optional{ObservationEnd::stop},
                         std::optional{ObservationEnd::vanished}}) {
    EXPECT_EQ(helped.lesson(helped.effect(kLearning, end)), Lesson::none) << "it may still have turned out otherwise";
  }
  EXPECT_EQ(churned.lesson(churned.effect(kLearning, ObservationEnd::stop)), Lesson::did_not_help);
  EXPECT_EQ(watch().lesson(watch().effect(kLearning, std::nullopt)), Lesson::none) << "too early";
}

TEST(Effect, ACgroupThatIsDueAgainIsJudgedHoweverSoonThatWas) {
  Observation grown = watch();
  grown.see(sighting(48, 1000), kEnd + 20 * kSecond);
  EXPECT_EQ(grown.effect(kLearning, std::nullopt).verdict, Verdict::unknown);
  EXPECT_EQ(grown.effect(kLearning, ObservationEnd::stop).verdict, Verdict::unknown);
  EXPECT_EQ(grown.effect(kLearning, ObservationEnd::next_reclaim).verdict, Verdict::effective) << "with new pages";
  Observation uncounted = watch(std::nullopt);
  uncounted.see(sighting(48, std::nullopt), kEnd + 20 * kSecond);
  const Effect effect = uncounted.effect(kLearning, ObservationEnd::next_reclaim);
  EXPECT_EQ(effect.judged_by, JudgedBy::regrowth);
  EXPECT_EQ(uncounted.lesson(effect), Lesson::did_not_help);
}

TEST(Effect, CountsOfTheAnonReadAgainNoMoreThanItSwappedOut) {
  for (const std::uint64_t swapped_mib : {0U, 5U, 30U}) {
    Reclaim reclaim = reclaim_that_freed(40 * kMiB);
    reclaim.before.set(Gauge::swap, kMiB);
    reclaim.after.emplace().set(Gauge::swap, kMiB + swapped_mib * kMiB);
    Observation watched(reclaim, 40 * kMiB, Sighting{.refault_file = 0, .refault_anon = 7}, kEnd, kPage);
    watched.see({.refault_file = pages_of(2), .refault_anon = 7 + pages_of(20)}, kEnd + kSecond);
    EXPECT_EQ(watched.effect(kLearning, std::nullopt).refaulted_bytes,
              (2 + std::min<std::uint64_t>(swapped_mib, 20)) * kMiB);
  }
}

TEST(Effect, OneThatRanOutOfTimeIsNotFutileBecauseLittleOfAllWasFreed) {
  Reclaim cut_off = reclaim_that_freed(4 * kMiB, ReclaimOutcome::partial);
  cut_off.stopped_by = StoppedBy::timeout;
  EXPECT_FALSE(Observation(cut_off, 400 * kMiB, sighting(8, 0), kEnd, kPage).is_judged_at_once());
  cut_off.freed_bytes = 0;
  EXPECT_EQ(
      Observation(cut_off, 400 * kMiB, sighting(8, 0), kEnd, kPage).effect(kLearning, ObservationEnd::at_once).verdict,
      Verdict::futile);
}

TEST(SightingOf, HasWhatAnEffectIsToldFrom) {
  MemorySample sample;
  sample.gauges.set(Gauge::file, 100);
  sample.gauges.set(Gauge::shmem, 30);
  EXPECT_EQ(sighting_of(5, sample).inode, 5U);
  EXPECT_EQ(sighting_of(5, sample).cache_bytes, 70U);
  EXPECT_EQ(sighting_of(5, sample).refault_file, std::nullopt);
  sample.counters.set(Counter::refault_file, 4);
  sample.counters.set(Counter::refault_anon, 3);
  EXPECT_EQ(sighting_of(5, sample).refault_file, 4U);
  EXPECT_EQ(sighting_of(5, sample).refault_anon, 3U);
}

}  // namespace
}  // namespace cgmm::core
