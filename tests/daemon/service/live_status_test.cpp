// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/live_status.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace cgmm::daemon {
namespace {

LiveStatus everything() {
  LiveStatus status{.version = "1.2.3",
                    .pid = 42,
                    .started_at_us = 1'000'000,
                    .last_scan_age_us = 7,
                    .in_cooldown_count = 3,
                    .sampler = "awake",
                    .reclaimer = "asking the kernel for 4.2 s",
                    .recorder = "trying again, 5 records wait",
                    .faults = {{"history", 1'500'000, "disk\tfull\nor \\ so"}, {"reader", 1'600'000, ""}}};
  status.progress.last_scan = RecordQueue::SeenScan{
      .started_at_us = 1, .duration_us = 4000, .late_us = 3, .interval_us = 4, .cgroup_count = 200, .error_count = 6};
  status.progress.scans_made_count = 8;
  status.progress.scans_recorded_count = 9;
  status.progress.waiting_count = 10;
  return status;
}

TEST(LiveStatus, IsTheSameAfterItsWayThroughTheSocket) {
  const LiveStatus before = everything();
  const auto after = parse_live_status(to_text(before));
  ASSERT_TRUE(after);
  EXPECT_EQ(to_text(*after), to_text(before));
  EXPECT_EQ(after->version, "1.2.3");
  EXPECT_EQ(after->pid, 42);
  EXPECT_EQ(after->last_scan_age_us, 7);
  EXPECT_EQ(after->progress.last_scan->cgroup_count, 200);
  EXPECT_EQ(after->progress.waiting_count, 10);
  EXPECT_EQ(after->recorder, "trying again, 5 records wait");
  EXPECT_EQ(after->faults, before.faults);
}

TEST(LiveStatus, BeforeTheFirstScanThereIsNone) {
  const auto status = parse_live_status(to_text(LiveStatus{}));
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->progress.last_scan);
  EXPECT_FALSE(status->last_scan_age_us);
  EXPECT_EQ(in_one_line(*status), "no scan yet");
}

TEST(LiveStatus, WhatIsNotKnownIsPassedOverAndWhatIsMissingStaysEmpty) {
  const auto status =
      parse_live_status(R"({"future": [1], "pid": 7, "progress": {}, "faults": [{"name": "x", "more": null}]})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->pid, 7);
  EXPECT_EQ(status->version, "");
  ASSERT_EQ(status->faults.size(), 1U);
  EXPECT_EQ(status->faults[0], (RecordQueue::Fault{"x", 0, ""}));
}

TEST(LiveStatus, AnotherProgramsAnswerIsNone) {
  for (const char* const other : {"", "\n", "HTTP/1.1 200 OK\r\n", "{}", "[]", "7", R"({"pid": "seven"})",
                                  R"({"pid": 7)", R"({"pid": 7, "faults": 1})"}) {
    EXPECT_FALSE(parse_live_status(other)) << other;
  }
}

TEST(LiveStatus, OneLineSaysWhatIsDoneAndWhatIsWrong) {
  EXPECT_EQ(in_one_line(everything()),
            "200 cgroups, last scan 4 ms, 6 can't be read, 3 in cooldown; fault: "
            "disk\\tfull\\nor \\\\ so; fault: ");
}

TEST(LiveStatus, WordsWithoutEndAreCutBetweenTwoCharacters) {
  LiveStatus status = everything();
  status.faults[0].detail.clear();
  for (int i = 0; i < 5000; ++i) status.faults[0].detail += "\u00e9";
  const std::string line = in_one_line(status);
  EXPECT_LT(line.size(), 2100U);
  EXPECT_TRUE(base::is_valid_utf8(line));
  EXPECT_LT(to_text(status).size(), 2000U);
  EXPECT_TRUE(base::is_valid_utf8(to_text(status)));
}

TEST(LiveStatus, TheLogHasALineForTheScansOneForTheThreadsAndOneForEachFault) {
  EXPECT_EQ(
      in_lines(everything()),
      (std::vector<std::string>{
          "status: 200 cgroups, last scan 4 ms, ended 7 us ago, 6 can't be read, 3 in cooldown; 8 scans made, 9 "
          "recorded",
          "status: sampler: awake; reclaimer: asking the kernel for 4.2 s; recorder: trying again, 5 records wait",
          "status: fault history since 1970-01-01T00:00:01Z: disk\\tfull\\nor \\\\ so",
          "status: fault reader since 1970-01-01T00:00:01Z: "}));
  EXPECT_EQ(in_lines(LiveStatus{}).back(), "status: no fault");
}

}  // namespace
}  // namespace cgmm::daemon
