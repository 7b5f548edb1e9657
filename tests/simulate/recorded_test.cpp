// SPDX-License-Identifier: Apache-2.0
// What is simulated, beside what really was: recorded/README.md. The bounds are those that docs/simulate.md states.
#include "simulate/recorded.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>

namespace cgmm::test {
namespace {

using core::ReclaimPolicy;
using simulate::Answer;
using Answers = std::map<std::string, Answer>;

constexpr double kMiB = 1024 * 1024;

std::string name_of(ReclaimPolicy policy) { return policy == ReclaimPolicy::rust ? "rust" : "idle"; }

/// Within `share` of what was, or so little beside it that it does not matter.
void expect_near(double predicted, double was, double share, double little, const std::string& what) {
  const double off = std::abs(predicted - was);
  EXPECT_TRUE(off <= share * was || off <= little) << what << ": " << predicted / kMiB << " was " << was / kMiB;
}

/// The policy of the history, the one that is simulated, and the run.
class RecordedPair : public ::testing::TestWithParam<std::tuple<const char*, ReclaimPolicy, const char*>> {
 protected:
  std::string run() const { return std::get<2>(GetParam()); }
  ReclaimPolicy simulated() const { return std::get<1>(GetParam()); }
  std::string history() const { return std::get<0>(GetParam()); }
  bool is_backtest() const { return history() == name_of(simulated()); }

  Answers predicted() const { return RecordedHistory(history() + run()).under(simulated(), is_backtest()); }
  /// What really was under the simulated policy.
  Answers was() const { return RecordedHistory(name_of(simulated()) + run()).under(simulated()); }
};

TEST_P(RecordedPair, IsPredictedWithinTheStatedBounds) {
  const Answers real = was(), all = predicted();
  ASSERT_EQ(all.size(), 5U);
  for (const auto& [workload, answer] : all) {
    const simulate::Tally &would = answer.expected, &did = real.at(workload).was;
    const std::string what = history() + run() + " simulates " + name_of(simulated()) + ", " + workload;
    expect_near(would.freed_bytes, did.freed_bytes, 0.4, 30 * kMiB, what + ", freed");
    expect_near(would.held_byte_seconds, did.held_byte_seconds, 0.25, 500 * kMiB, what + ", held");
    expect_near(would.read_back_bytes, did.read_back_bytes, 0.65, 20 * kMiB, what + ", read back");
    if (did.freed_bytes <= 100 * kMiB) continue;
    EXPECT_NEAR(static_cast<double>(would.reclaim_count), static_cast<double>(did.reclaim_count), 1) << what;
  }
}

INSTANTIATE_TEST_SUITE_P(All, RecordedPair,
                         ::testing::Combine(::testing::Values("dry", "idle", "rust"),
                                            ::testing::Values(ReclaimPolicy::idle, ReclaimPolicy::rust),
                                            ::testing::Values("-1", "-2")),
                         [](const auto& one) {
                           return std::string(std::get<0>(one.param)) + "Simulates" + name_of(std::get<1>(one.param)) +
                                  "Run" + std::get<2>(one.param)[1];
                         });

TEST(RecordedFeedback, TakesOfAStreamAndABatch) {
  const Answers answers = RecordedHistory("dry-1").under(ReclaimPolicy::idle, false, simulate::Feedback::refaults);
  EXPECT_GT(answers.at("stream").expected.freed_bytes, 100 * kMiB);
  EXPECT_GT(answers.at("batch").expected.freed_bytes, 50 * kMiB);
}

TEST(RecordedFeedback, IsBlindWhereTheKernelTellsNoPressure) {
  const Answers answers = RecordedHistory("dry-1").under(ReclaimPolicy::idle, false, simulate::Feedback::pressure);
  EXPECT_EQ(answers.at("stream").expected.reclaim_count, 0);
  EXPECT_TRUE(answers.at("stream").has(simulate::Doubt::no_pressure));
}

}  // namespace
}  // namespace cgmm::test
