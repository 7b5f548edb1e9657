// SPDX-License-Identifier: Apache-2.0
// Made-up histories: what is known exactly, what is not, and rows that can't be right.
#include "simulate/simulation.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "simulate/table.hpp"

namespace cgmm::simulate {
namespace {

using core::Counter;
using core::Gauge;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::int64_t kSecond_us = 1'000'000, kBegin_us = 1000 * kSecond_us;

Subject subject(core::ReclaimPolicy policy = core::ReclaimPolicy::idle) {
  Subject one;
  one.id = {"/a", 1};
  one.workload = "a";
  one.settings.policy = policy;
  one.limits = {{kBegin_us, {.limit_bytes = 100 * kMiB, .effective_limit_bytes = 100 * kMiB, .high_bytes = {}}}};
  one.from_us = kBegin_us;
  one.to_us = kBegin_us + 1000 * kSecond_us;
  return one;
}

Sample sample(std::int64_t at_s, std::uint64_t inactive_mib, std::uint64_t active_mib = 0) {
  Sample one{.at_us = kBegin_us + at_s * kSecond_us, .interval_us = 10 * kSecond_us};
  one.gauges.set(Gauge::usage, (inactive_mib + active_mib + 10) * kMiB);
  one.gauges.set(Gauge::file, (inactive_mib + active_mib) * kMiB);
  one.gauges.set(Gauge::shmem, 0);
  one.gauges.set(Gauge::inactive_file, inactive_mib * kMiB);
  one.gauges.set(Gauge::active_file, active_mib * kMiB);
  one.gauges.set(Gauge::dirty, 0);
  one.increases.set(Counter::refault_file, 0);
  one.increases.set(Counter::pgmajfault, 0);
  one.increases.set(Counter::limit_hits, 0);
  return one;
}

/// Cache that nobody uses, ten seconds apart.
Answer still(Simulation& simulation, std::int64_t from_s, std::int64_t to_s) {
  for (std::int64_t at_s = from_s; at_s <= to_s; at_s += 10) simulation.add(1, sample(at_s, 60));
  return simulation.finish().at(0);
}

TEST(Simulation, TakesWhatIsIdleInDosesThatGrow) {
  Simulation simulation(Rules{});
  simulation.add_cgroup(1, subject());
  const Answer answer = still(simulation, 0, 600);
  // 10 %, 40 % and all that is left of 60 MiB; the threshold is 25 MiB, so the last one ends below it.
  EXPECT_EQ(answer.expected.reclaim_count, 3);
  EXPECT_NEAR(answer.expected.freed_bytes, 60.0 * kMiB, 1.0 * kMiB);
  EXPECT_EQ(answer.expected.read_back_bytes, 0);
  EXPECT_EQ(answer.was.reclaim_count, 0);
  EXPECT_TRUE(answer.has(Doubt::no_reclaim));
  EXPECT_EQ(answer.covered_us, 600 * kSecond_us);
  EXPECT_GT(answer.expected.less_byte_seconds, 400.0 * 60 * kMiB);
}

TEST(Simulation, OfWhatIsActiveTakesNothing) {
  Simulation simulation(Rules{});
  simulation.add_cgroup(1, subject());
  for (std::int64_t at_s = 0; at_s <= 600; at_s += 10) simulation.add(1, sample(at_s, 5, 60));
  EXPECT_EQ(simulation.finish().at(0).expected.reclaim_count, 0);
}

TEST(Simulation, AHigherThresholdOrAnExclusionTakesNothing) {
  for (const bool is_excluded : {false, true}) {
    Simulation simulation(Rules{});
    Subject one = subject();
    if (is_excluded) {
      one.settings.reclaim = false;
    } else {
      one.settings.threshold = core::Threshold::of_percent(80);
    }
    simulation.add_cgroup(1, one);
    EXPECT_EQ(still(simulation, 0, 600).expected.reclaim_count, 0);
  }
}

TEST(Simulation, WhatIsNeededComesBackAndIsARange) {
  Simulation simulation(Rules{.learning = {.adaptive = false}});
  simulation.add_cgroup(1, subject(core::ReclaimPolicy::rust));
  for (std::int64_t at_s = 0; at_s <= 600; at_s += 10) simulation.add(1, sample(at_s, 10, 50));
  const Answer answer = simulation.finish().at(0);
  EXPECT_EQ(answer.best.read_back_bytes, 0);
  EXPECT_GT(answer.expected.read_back_bytes, 500.0 * kMiB);
  EXPECT_GE(answer.worst.read_back_bytes, answer.expected.read_back_bytes);
  EXPECT_LT(answer.expected.held_byte_seconds, answer.best.held_byte_seconds);
}

TEST(Simulation, ARealReclaimIsUndone) {
  Simulation simulation(Rules{});
  Subject one = subject();
  one.settings.reclaim = false;
  simulation.add_cgroup(1, one);
  simulation.add_reclaim(1, {.started_at_us = kBegin_us + 55 * kSecond_us,
                             .known_at_us = kBegin_us + 355 * kSecond_us,
                             .requested_bytes = 40 * kMiB,
                             .freed_bytes = 40 * kMiB,
                             .refaulted_bytes = 0,
                             .regrown_bytes = 0,
                             .held_byte_seconds = 300.0 * 40 * kMiB,
                             .observed_for_us = 300 * kSecond_us});
  for (std::int64_t at_s = 0; at_s <= 600; at_s += 10) simulation.add(1, sample(at_s, at_s <= 50 ? 60 : 20));
  const Answer answer = simulation.finish().at(0);
  EXPECT_EQ(answer.was.reclaim_count, 1);
  EXPECT_EQ(answer.expected.reclaim_count, 0);
  EXPECT_NEAR(answer.expected.less_byte_seconds, -545.0 * 40 * kMiB, 10.0 * 40 * kMiB);
}

TEST(Simulation, InAGapNothingIsSimulated) {
  Simulation simulation(Rules{});
  simulation.add_cgroup(1, subject());
  still(simulation, 0, 100);
  const Answer answer = still(simulation, 800, 900);
  EXPECT_EQ(answer.covered_us, 200 * kSecond_us);
  EXPECT_TRUE(answer.has(Doubt::gaps));
}

TEST(Simulation, AWindowThatIsRecordedAsAWholeIsCoveredAsAWhole) {
  Simulation simulation(Rules{});
  Subject one = subject();  // there from a moment before its first sample until a moment after its last one
  one.from_us = kBegin_us - 7 * kSecond_us;
  one.to_us = kBegin_us + 609 * kSecond_us;
  simulation.add_cgroup(1, one);
  const Answer answer = still(simulation, 0, 600);
  EXPECT_EQ(answer.covered_us, answer.lived_us);
  EXPECT_FALSE(answer.has(Doubt::gaps));
}

TEST(Simulation, AnEndOfTheWindowWithoutSamplesIsAGap) {
  Simulation simulation(Rules{});
  Subject one = subject();
  one.from_us = kBegin_us - 31 * kSecond_us;
  one.to_us = kBegin_us + 631 * kSecond_us;
  simulation.add_cgroup(1, one);
  EXPECT_EQ(still(simulation, 0, 600).covered_us, 600 * kSecond_us);
}

TEST(Simulation, TimeThatGoesBackAndValuesThatAreMissingAreBorne) {
  Simulation simulation(Rules{});
  simulation.add_cgroup(1, subject());
  simulation.add(1, sample(50, 60));
  simulation.add(1, sample(20, 60));
  simulation.add(1, {});
  simulation.add(1, {.at_us = kBegin_us + 60 * kSecond_us});
  simulation.add(7, sample(70, 60));  // of a cgroup that nobody asked for
  simulation.add_reclaim(7, {});
  simulation.add_reclaim(1, {.started_at_us = std::numeric_limits<std::int64_t>::max()});
  Sample huge = sample(80, 60);
  for (std::size_t i = 0; i < core::Gauges::kSize; ++i) huge.gauges.set(static_cast<Gauge>(i), std::uint64_t{1} << 56);
  for (std::size_t i = 0; i < core::Counters::kSize; ++i)
    huge.increases.set(static_cast<Counter>(i), std::uint64_t{1} << 46);
  simulation.add(1, huge);
  simulation.add(1, sample(90, 60));
  const auto answers = simulation.finish();
  ASSERT_EQ(answers.size(), 1U);
  const core::Table table = answer_table(answers);
  EXPECT_EQ(table.rows.size(), 1U);
  EXPECT_EQ(table.rows[0].size(), table.columns.size());
}

TEST(Simulation, WithoutRefaultCountersWhatIsReadBackIsStillARange) {
  Simulation simulation(Rules{.learning = {.adaptive = false}});
  simulation.add_cgroup(1, subject(core::ReclaimPolicy::rust));
  for (std::int64_t at_s = 0; at_s <= 600; at_s += 10) {
    Sample one = sample(at_s, 10, 50);
    one.increases = {};
    simulation.add(1, one);
  }
  const Answer answer = simulation.finish().at(0);
  EXPECT_EQ(answer.best.read_back_bytes, 0);
  EXPECT_GT(answer.worst.read_back_bytes, 100.0 * kMiB);
}

TEST(SimulationTable, HasARowForAllAndErrorsInPercent) {
  Answer a, b;
  a.workload = "a";
  a.expected.reclaim_count = a.was.reclaim_count = 4;
  a.expected.freed_bytes = 150;
  a.was.freed_bytes = 100;
  b.workload = "b";
  const core::Table table = backtest_table({a, b});
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_EQ(std::get<std::string>(table.rows[2][0]), "all");
  EXPECT_EQ(std::get<double>(table.rows[0][3]), 0);
  EXPECT_EQ(std::get<double>(table.rows[0][6]), 50);
  for (const auto& row : table.rows) EXPECT_EQ(row.size(), table.columns.size());
  for (const auto& row : answer_table({a, b}).rows) EXPECT_EQ(row.size(), answer_table({a, b}).columns.size());
}

}  // namespace
}  // namespace cgmm::simulate
