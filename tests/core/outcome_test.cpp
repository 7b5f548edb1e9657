// SPDX-License-Identifier: Apache-2.0
#include "core/outcome.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cgmm::core {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::int64_t kSecond = 1'000'000;

const auto kAgain = std::make_error_code(std::errc::resource_unavailable_try_again);
const auto kBusy = std::make_error_code(std::errc::device_or_resource_busy);
const auto kInterrupted = std::make_error_code(std::errc::interrupted);
const auto kReadOnly = std::make_error_code(std::errc::read_only_file_system);

/// 300 MiB of cache, of which 100 are to be left.
ReclaimPlan plan() {
  return {.cache_bytes = 300 * kMiB, .target_bytes = 100 * kMiB, .bounds = {.step_bytes = 64 * kMiB}};
}

/// After a first step that took 20 ms and went as asked.
Progress one_step() {
  return {.answer = {},
          .cache_bytes = 236 * kMiB,
          .asked_bytes = 64 * kMiB,
          .window_us = 20'000,
          .stalled_us = 0,
          .elapsed_us = 20'000};
}

TEST(NextStep, IsAStepAndThenHalfOfWhatIsLeft) {
  EXPECT_EQ(plan().requested_bytes(), 200 * kMiB);
  EXPECT_EQ(next_step_bytes(plan(), 300 * kMiB, 0), 64 * kMiB);
  EXPECT_EQ(next_step_bytes(plan(), 140 * kMiB, 150 * kMiB), 20 * kMiB) << "to the target";
  EXPECT_EQ(next_step_bytes(plan(), 300 * kMiB, 184 * kMiB), 8 * kMiB)
      << "to what was requested, however much was cached meanwhile";
  EXPECT_EQ(next_step_bytes(plan(), 106 * kMiB, 100 * kMiB), 4 * kMiB);
  EXPECT_EQ(next_step_bytes(plan(), 103 * kMiB, 100 * kMiB), 3 * kMiB) << "the last";
  EXPECT_EQ(next_step_bytes({.cache_bytes = 10, .target_bytes = 20, .bounds = {}}, 10, 0), 1U);
}

TEST(StoppedBy, GoesOnWhileThereIsMoreAndNothingIsInTheWay) { EXPECT_EQ(stopped_by(plan(), one_step()), std::nullopt); }

TEST(StoppedBy, SaysWhyItEnds) {
  struct Case {
    const char* what;
    void (*change)(Progress&);
    StoppedBy expected;
  };
  const Case cases[] = {
      {"down to the target", [](Progress& p) { p.cache_bytes = 100 * kMiB; }, StoppedBy::target},
      {"all was asked for", [](Progress& p) { p.asked_bytes = 200 * kMiB; }, StoppedBy::target},
      {"there is no more", [](Progress& p) { p.answer = kAgain; }, StoppedBy::nothing_left},
      {"busy, but much was freed",
       [](Progress& p) {
         p.answer = kBusy;
         p.freed_bytes = 64 * kMiB;
       },
       StoppedBy::nothing_left},
      {"refused", [](Progress& p) { p.answer = kReadOnly; }, StoppedBy::error},
      {"unreadable", [](Progress& p) { p.cache_bytes.reset(); }, StoppedBy::error},
      {"removed",
       [](Progress& p) {
         p.gone = true;
         p.answer = kReadOnly;
       },
       StoppedBy::vanished},
      {"stopping between steps", [](Progress& p) { p.stopping = true; }, StoppedBy::stop},
      {"stopping in a step",
       [](Progress& p) {
         p.stopping = true;
         p.answer = kInterrupted;
       },
       StoppedBy::stop},
      {"woken in a step", [](Progress& p) { p.answer = kInterrupted; }, StoppedBy::timeout},
      {"time is up", [](Progress& p) { p.elapsed_us = 10 * kSecond; }, StoppedBy::timeout},
      {"pressure", [](Progress& p) { p.stalled_us = 2001; }, StoppedBy::pressure},
      {"done wins over pressure",
       [](Progress& p) {
         p.stalled_us = 20'000;
         p.cache_bytes = kMiB;
       },
       StoppedBy::target},
      {"a stop wins over the rest",
       [](Progress& p) {
         p.stalled_us = 20'000;
         p.stopping = true;
       },
       StoppedBy::stop},
  };
  for (const Case& one : cases) {
    Progress progress = one_step();
    one.change(progress);
    EXPECT_EQ(stopped_by(plan(), progress), one.expected) << one.what;
  }
}

TEST(StoppedBy, PressureIsAShareOfTheTimeAndCanBeSwitchedOff) {
  Progress progress = one_step();
  progress.stalled_us = 2000;
  EXPECT_EQ(stopped_by(plan(), progress), std::nullopt) << "10 % is not over 10 %";
  ReclaimPlan never = plan();
  never.bounds.max_pressure_pct = 100;
  progress.stalled_us = 25'000;  // PSI's clock and ours are not read at the same instant
  EXPECT_EQ(stopped_by(never, progress), std::nullopt);
  ReclaimPlan at_once = plan();
  at_once.bounds.max_pressure_pct = 0;
  progress.stalled_us = 1;
  EXPECT_EQ(stopped_by(at_once, progress), StoppedBy::pressure);
  progress.stalled_us.reset();
  EXPECT_EQ(stopped_by(at_once, progress), std::nullopt) << "a kernel without PSI has no bound";
}

TEST(StoppedBy, AllAtOnceIsOneStep) {
  ReclaimPlan v1 = plan();
  v1.all_at_once = true;
  Progress progress = one_step();
  EXPECT_EQ(stopped_by(v1, progress), StoppedBy::target);
  progress.cache_bytes.reset();
  EXPECT_EQ(stopped_by(v1, progress), StoppedBy::target);
  progress.answer = kInterrupted;
  EXPECT_EQ(stopped_by(v1, progress), StoppedBy::timeout);
}

// Linux before 3.16: memory.force_empty of a cgroup with tasks.
TEST(StoppedBy, ABusyV1CgroupOfWhichNothingWasFreedWasRefused) {
  ReclaimPlan v1 = plan();
  v1.all_at_once = true;
  v1.target_bytes = 0;
  Progress progress = one_step();
  progress.answer = kBusy;
  for (const std::optional<std::uint64_t> freed : {std::optional<std::uint64_t>{}, {0}, {29 * kMiB}}) {
    progress.freed_bytes = freed;
    EXPECT_TRUE(is_refused(v1, progress));
    EXPECT_EQ(stopped_by(v1, progress), StoppedBy::error);
  }
  EXPECT_EQ(outcome_of(StoppedBy::error, v1, 0, 1), ReclaimOutcome::failed);
  progress.freed_bytes = 31 * kMiB;
  EXPECT_FALSE(is_refused(v1, progress)) << "Linux 2.6.32: a task came while it reclaimed";
  EXPECT_EQ(stopped_by(v1, progress), StoppedBy::nothing_left);
}

TEST(OutcomeOf, GoesByWhatWasMeasuredAndNotByTheAnswer) {
  struct Case {
    StoppedBy stopped_by;
    std::optional<std::uint64_t> freed_bytes;
    std::int64_t step_count;
    ReclaimOutcome expected;
  };
  const Case cases[] = {
      {StoppedBy::target, 200 * kMiB, 4, ReclaimOutcome::done},
      {StoppedBy::target, std::nullopt, 1, ReclaimOutcome::done},
      {StoppedBy::nothing_left, 197 * kMiB, 4, ReclaimOutcome::done},
      {StoppedBy::nothing_left, 150 * kMiB, 3, ReclaimOutcome::partial},
      {StoppedBy::nothing_left, 0, 1, ReclaimOutcome::partial},
      {StoppedBy::pressure, 64 * kMiB, 1, ReclaimOutcome::partial},
      {StoppedBy::timeout, 64 * kMiB, 1, ReclaimOutcome::partial},
      {StoppedBy::stop, 64 * kMiB, 1, ReclaimOutcome::interrupted},
      {StoppedBy::vanished, std::nullopt, 1, ReclaimOutcome::vanished},
      {StoppedBy::error, 0, 1, ReclaimOutcome::failed},
      {StoppedBy::error, 5 * kMiB, 1, ReclaimOutcome::failed},
      {StoppedBy::error, 64 * kMiB, 2, ReclaimOutcome::partial},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(outcome_of(one.stopped_by, plan(), one.freed_bytes, one.step_count), one.expected)
        << to_string(one.stopped_by) << " " << one.freed_bytes.value_or(0);
  }
}

TEST(FreedBytes, IsWhatUsageFellByAndNeverNegative) {
  Gauges before;
  Gauges after;
  before.set(Gauge::file, 500);
  after.set(Gauge::file, 200);
  EXPECT_EQ(freed_bytes(before, after), 300U);
  before.set(Gauge::usage, 1000);
  after.set(Gauge::usage, 1100);
  EXPECT_EQ(freed_bytes(before, after), 0U);
  EXPECT_EQ(freed_bytes(Gauges{}, Gauges{}), std::nullopt);
}

/// A kernel that does as it is told, in the loop that the reclaimer runs.
TEST(Steps, LeadToTheTargetWhateverTheKernelMakesOfThem) {
  for (const double obedience : {0.5, 1.0, 1.3}) {
    const ReclaimPlan to = plan();
    double cache = 300.0 * kMiB;
    Progress progress{.answer = {}, .cache_bytes = 300 * kMiB, .stalled_us = {}};
    int steps = 0;
    std::optional<StoppedBy> end;
    while (!end) {
      ASSERT_LT(++steps, 100);
      const std::uint64_t step = next_step_bytes(to, *progress.cache_bytes, progress.asked_bytes);
      cache -= static_cast<double>(step) * obedience;
      progress.asked_bytes += step;
      progress.cache_bytes = static_cast<std::uint64_t>(cache);
      end = stopped_by(to, progress);
    }
    EXPECT_EQ(end, StoppedBy::target);
    EXPECT_LE(progress.asked_bytes, to.requested_bytes()) << obedience;
    EXPECT_GE(cache, 100.0 * kMiB - 0.3 * 4 * kMiB) << "over by no more than the last step's share";
  }
}

}  // namespace
}  // namespace cgmm::core
