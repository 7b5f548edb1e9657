// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/schedule.hpp"

#include <gtest/gtest.h>

#include "daemon/fault_log.hpp"

namespace cgmm::daemon {
namespace {

TEST(Schedule, KeepsAbsoluteTimeWhenAScanIsLate) {
  Schedule schedule(/*now_us=*/1000, /*interval_us=*/10);
  EXPECT_EQ(schedule.begin(1000).late_us, 0);
  EXPECT_EQ(schedule.due_us(), 1010);
  EXPECT_EQ(schedule.begin(1013).late_us, 3);
  EXPECT_EQ(schedule.due_us(), 1020);
}

TEST(Schedule, SkipsAndCountsMissedScansAndNeverBunchesThem) {
  Schedule schedule(1000, 10);
  schedule.begin(1000);
  const Schedule::Start start = schedule.begin(1047);
  EXPECT_EQ(start.late_us, 37);
  EXPECT_EQ(start.missed_count, 3);
  EXPECT_EQ(schedule.due_us(), 1050);
}

TEST(Schedule, TakesANewIntervalFromTheLastScanOn) {
  Schedule schedule(1000, 100);
  schedule.begin(1000);
  schedule.set_interval(/*now_us=*/1001, 10);
  EXPECT_EQ(schedule.due_us(), 1010);
  schedule.begin(1010);
  schedule.set_interval(1015, 3);
  EXPECT_EQ(schedule.due_us(), 1015);
}

TEST(FaultLog, SpeaksAtTheBeginningWhenItGetsWorseAndAtTheEnd) {
  FaultLog log;
  EXPECT_EQ(log.after_pass(0, "", "bad").text, "");
  EXPECT_EQ(log.after_pass(1, "/a: no", "bad").text, "bad: 1, the first: /a: no");
  EXPECT_EQ(log.after_pass(1, "/a: no", "bad").text, "");
  EXPECT_EQ(log.after_pass(3, "/a: no", "bad").text, "bad: 3, the first: /a: no");
  EXPECT_EQ(log.after_pass(5, "/a: no", "bad").text, "") << "worse is twice as bad";
  EXPECT_EQ(log.after_pass(0, "", "bad").text, "");
  EXPECT_EQ(log.after_pass(1, "/a: no", "bad").text, "") << "it was not over";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(log.after_pass(0, "", "bad").text, "");
  const FaultLog::Message end = log.after_pass(0, "", "bad");
  EXPECT_TRUE(end.is_end);
  EXPECT_EQ(end.text, "bad: fine again, after 5 scans");
  EXPECT_EQ(log.after_pass(0, "", "bad").text, "");
}

}  // namespace
}  // namespace cgmm::daemon
