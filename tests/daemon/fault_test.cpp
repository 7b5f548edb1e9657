// SPDX-License-Identifier: Apache-2.0
#include "daemon/fault.hpp"

#include <gtest/gtest.h>

#include <variant>
#include <vector>

namespace cgmm::daemon {
namespace {

using Strings = std::vector<std::string>;

constexpr std::int64_t kSecond = 1'000'000;

class FaultTest : public ::testing::Test {
 protected:
  /// "fault_begin: words" and so on, since the last call.
  Strings told() {
    Strings strings;
    queue_.push(core::LogPosition{});  // so that take() never waits
    const std::vector<Record> records = queue_.take();
    queue_.done(records);
    for (const Record& record : records) {
      if (const auto* event = std::get_if<core::ServiceEvent>(&record))
        strings.push_back(event->kind + ": " + event->detail);
    }
    return strings;
  }
  Strings after_pass(std::int64_t count) {
    fault_.after_pass(1, count, std::to_string(count) + " failed", "fine");
    return told();
  }
  /// The wall clock stands where it was set to.
  Strings met(std::int64_t steady_us, const std::string& words) {
    fault_.meet(wall_us_, steady_us, words);
    return told();
  }

  std::int64_t wall_us_ = 0;
  RecordQueue queue_;
  Fault fault_{"history", queue_};
};

TEST_F(FaultTest, IsToldAtItsBeginningWhenItGetsWorseAndAtItsEnd) {
  EXPECT_EQ(after_pass(0), Strings{});
  EXPECT_EQ(after_pass(1), Strings{"fault_begin: 1 failed"});
  EXPECT_EQ(after_pass(1), Strings{});
  EXPECT_EQ(after_pass(3), Strings{"fault_begin: 3 failed"});
  EXPECT_EQ(after_pass(5), Strings{}) << "worse is twice as bad";
  EXPECT_EQ(after_pass(0), Strings{});
  EXPECT_EQ(after_pass(1), Strings{}) << "it was not over";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(after_pass(0), Strings{});
  EXPECT_TRUE(fault_.is_on());
  EXPECT_EQ(after_pass(0), Strings{"fault_end: fine"});
  EXPECT_EQ(after_pass(0), Strings{});
  EXPECT_EQ(after_pass(1), Strings{"fault_begin: 1 failed"});
}

TEST_F(FaultTest, MetAgainAndAgainTheSameWordsAreToldOnceAndOthersLessAndLessOften) {
  EXPECT_EQ(met(0, "no"), Strings{"fault_begin: no"});
  EXPECT_EQ(met(60 * kSecond, "no"), Strings{});
  EXPECT_EQ(met(60 * kSecond, "full"), Strings{"fault_begin: full"});
  EXPECT_EQ(met(69 * kSecond, "no"), Strings{});
  EXPECT_EQ(met(70 * kSecond, "no"), Strings{"fault_begin: no"});
  EXPECT_EQ(met(89 * kSecond, "full"), Strings{});
  fault_.end(90 * kSecond, "fine");
  EXPECT_EQ(told(), Strings{"fault_end: fine"});
  fault_.end(90 * kSecond, "fine");
  EXPECT_EQ(told(), Strings{});
}

TEST_F(FaultTest, AClockThatIsSetBackKeepsNoNewWordsBack) {
  wall_us_ = 3600 * kSecond;
  EXPECT_EQ(met(0, "no"), Strings{"fault_begin: no"});
  wall_us_ = 0;
  EXPECT_EQ(met(4 * kSecond, "full"), Strings{});
  EXPECT_EQ(met(5 * kSecond, "full"), Strings{"fault_begin: full"});
}

TEST_F(FaultTest, FollowsWhatFailsAndIsToldOnce) {
  for (int i = 0; i < 3; ++i) fault_.follow(1, true, "no", "fine");
  EXPECT_EQ(told(), Strings{"fault_begin: no"});
  for (int i = 0; i < 3; ++i) fault_.follow(1, false, "no", "fine");
  EXPECT_EQ(told(), Strings{"fault_end: fine"});
}

TEST_F(FaultTest, WithoutANameItIsForTheLogOnly) {
  Fault fault("", queue_);
  fault.begin(1, "no");
  EXPECT_TRUE(fault.is_on());
  fault.end(2, "fine");
  EXPECT_EQ(told(), Strings{});
}

}  // namespace
}  // namespace cgmm::daemon
