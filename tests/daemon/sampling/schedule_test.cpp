// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/scan_loop.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace cgmm::daemon
