// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/record_queue.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "daemon/reclaim/mailbox.hpp"

namespace cgmm::daemon {
namespace {

using std::chrono::milliseconds;

core::Scan scan_of(std::size_t rows) {
  core::Scan scan;
  scan.rows.resize(rows);
  return scan;
}

TEST(RecordQueue, RefusesScansOverItsBoundButKeepsReclaims) {
  RecordQueue queue;
  EXPECT_TRUE(queue.push_scan(scan_of(RecordQueue::kMaxRows - 3)));
  core::Scan refused = scan_of(2);
  EXPECT_FALSE(queue.push_scan(std::move(refused)));
  EXPECT_EQ(refused.rows.size(), 2U) << "a refused scan stays with its owner";
  EXPECT_TRUE(queue.push_scan(scan_of(1)));
  queue.push(core::Reclaim{});
  EXPECT_EQ(queue.take_refused().scans, 1);
  EXPECT_EQ(queue.take_refused().scans, 0);
  EXPECT_EQ(queue.take().size(), 3U);
}

TEST(RecordQueue, DoesNotLetScansCrowdOutWhatIsKept) {
  RecordQueue queue;
  while (queue.push_scan(scan_of(0))) {
  }
  for (std::size_t i = 0; i < RecordQueue::kMaxOthers; ++i) queue.push(core::CountedOomKills{});
  EXPECT_EQ(queue.take_refused().others, 0);
  queue.push(core::CountedOomKills{});
  EXPECT_EQ(queue.take_refused().others, 1);
}

TEST(RecordQueue, HandsOnTheKillsOfAScanTogetherWithItAndKeepsThoseOfARefusedOne) {
  RecordQueue queue;
  EXPECT_TRUE(queue.push_scan(scan_of(RecordQueue::kMaxRows - 1), {{.count = 1}}));
  EXPECT_FALSE(queue.push_scan(scan_of(1), {{.count = 2}}));
  const auto batch = queue.take();
  ASSERT_EQ(batch.size(), 3U);
  EXPECT_EQ(std::get<core::CountedOomKills>(batch[1]).count, 1U);
  EXPECT_EQ(std::get<core::CountedOomKills>(batch[2]).count, 2U);
}

TEST(RecordQueue, HandsOnAnEffectTogetherWithWhatItsCooldownLearned) {
  RecordQueue queue;
  std::thread recorder([&] {
    const std::vector<Record> taken = queue.take();
    ASSERT_EQ(taken.size(), 2U) << "one transaction: a crash loses both or none";
    EXPECT_TRUE(std::holds_alternative<core::Effect>(taken[0]));
    EXPECT_TRUE(std::holds_alternative<core::CgroupCooldown>(taken[1]));
  });
  queue.push_effect(core::Effect{.reclaim_id = 1}, core::CgroupCooldown{});
  recorder.join();
}

TEST(RecordQueue, WakesWhoWaitsForACommitWhenTheServiceStops) {
  RecordQueue queue;
  const std::uint64_t ticket = queue.push(core::Reclaim{});
  queue.end_waits();
  EXPECT_FALSE(queue.wait_committed(ticket, std::chrono::hours(1)));
}

TEST(RecordQueue, CountsScansThatWereTakenUntilTheyAreDone) {
  RecordQueue queue;
  EXPECT_TRUE(queue.push_scan(scan_of(RecordQueue::kMaxRows - 1)));
  const auto batch = queue.take();
  EXPECT_FALSE(queue.push_scan(scan_of(1)));
  queue.done(batch);
  EXPECT_TRUE(queue.push_scan(scan_of(1)));
}

TEST(RecordQueue, TakesOneScanHoweverLarge) {
  RecordQueue queue;
  EXPECT_TRUE(queue.push_scan(scan_of(RecordQueue::kMaxRows * 2)));
}

TEST(RecordQueue, TellsWhenARecordWasCommitted) {
  RecordQueue queue;
  const std::uint64_t first = queue.push(core::Reclaim{});
  const std::uint64_t second = queue.push(core::Reclaim{});
  const auto batch = queue.take();
  EXPECT_FALSE(queue.wait_committed(first, milliseconds(1)));
  queue.done(batch);
  EXPECT_TRUE(queue.wait_committed(first, milliseconds(0)));
  EXPECT_TRUE(queue.wait_committed(second, milliseconds(0)));
}

TEST(RecordQueue, HandsOutWhatIsLeftAfterItWasClosed) {
  RecordQueue queue;
  queue.push(core::ServiceEvent{});
  queue.close();
  EXPECT_EQ(queue.take().size(), 1U);
  EXPECT_TRUE(queue.take().empty());
  EXPECT_FALSE(queue.wait_to_retry(milliseconds(1000)));
}

TEST(Mailbox, KeepsOnlyTheNewest) {
  Mailbox<int> mailbox;
  mailbox.put(1);
  mailbox.put(2);
  EXPECT_TRUE(mailbox.has_newer());
  EXPECT_EQ(mailbox.take(), 2);
  EXPECT_FALSE(mailbox.idle());
  mailbox.close();
  EXPECT_EQ(mailbox.take(), std::nullopt);
  EXPECT_TRUE(mailbox.idle());
}

}  // namespace
TEST(RecordQueue, KnowsWhichFaultsThereAreNow) {
  RecordQueue queue;
  const auto push = [&](std::int64_t at_us, const char* kind, const char* detail, const char* fault) {
    queue.push(core::ServiceEvent{at_us, kind, detail, fault});
  };
  push(1, "fault_begin", "disk full", "history");
  push(2, "fault_begin", "3 can't be read", "cgroups");
  push(3, "fault_begin", "7 can't be read", "cgroups");
  push(4, "config_change", "", "");
  EXPECT_EQ(queue.faults(),
            (std::vector<RecordQueue::Fault>{{"history", 1, "disk full"}, {"cgroups", 2, "7 can't be read"}}));
  push(5, "fault_end", "", "history");
  push(6, "fault_end", "", "clock");
  EXPECT_EQ(queue.faults(), (std::vector<RecordQueue::Fault>{{"cgroups", 2, "7 can't be read"}}));
}

TEST(RecordQueue, KnowsHowManyScansWereMadeAndHowManyAreRecorded) {
  RecordQueue queue;
  EXPECT_FALSE(queue.progress().last_scan);
  core::Scan scan = scan_of(3);
  scan.duration_us = 4000;
  queue.push_scan(std::move(scan));
  core::Scan partial = scan_of(1);
  partial.is_partial = true;
  queue.push_scan(std::move(partial));
  queue.push(core::Reclaim{});
  RecordQueue::Progress progress = queue.progress();
  EXPECT_EQ(progress.scans_made_count, 1) << "of all cgroups";
  EXPECT_EQ(progress.scans_recorded_count, 0);
  EXPECT_EQ(progress.waiting_count, 3);
  EXPECT_EQ(progress.last_scan->cgroup_count, 3);
  EXPECT_EQ(progress.last_scan->duration_us, 4000);

  const auto batch = queue.take();
  EXPECT_EQ(queue.progress().waiting_count, 3) << "they are being written";
  queue.done(batch);
  progress = queue.progress();
  EXPECT_EQ(progress.scans_recorded_count, 1);
  EXPECT_EQ(progress.waiting_count, 0);
}

TEST(RecordQueue, AScanThatIsRefusedHasBeenMade) {
  RecordQueue queue;
  queue.push_scan(scan_of(RecordQueue::kMaxRows));
  core::Scan refused = scan_of(5);
  ASSERT_FALSE(queue.push_scan(std::move(refused)));
  EXPECT_EQ(queue.progress().scans_made_count, 2);
  EXPECT_EQ(queue.progress().last_scan->cgroup_count, 5);
}

TEST(RecordQueue, KnowsWhetherTheRecorderIsAtWorkOrTriesAgain) {
  RecordQueue queue;
  EXPECT_EQ(queue.progress().recorder_busy_since_us, 0);
  queue.push(core::Reclaim{});
  const auto batch = queue.take();
  EXPECT_GT(queue.progress().recorder_busy_since_us, 0);
  EXPECT_FALSE(queue.progress().is_retrying);
  EXPECT_TRUE(queue.wait_to_retry(milliseconds{1}));
  EXPECT_TRUE(queue.progress().is_retrying);
  EXPECT_GT(queue.progress().recorder_busy_since_us, 0) << "it tries";
  queue.done(batch);
  EXPECT_FALSE(queue.progress().is_retrying);
  queue.close();
  EXPECT_TRUE(queue.take().empty());
}

}  // namespace cgmm::daemon
