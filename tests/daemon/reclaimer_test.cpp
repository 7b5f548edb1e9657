// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaimer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "daemon/clock.hpp"
#include "daemon/sampler.hpp"
#include "support/eventually.hpp"
#include "support/fake_cgroups.hpp"

namespace cgmm::daemon {
namespace {

using core::ReclaimOutcome;
using test::FakeCgroups;

constexpr std::uint64_t kMiB = 1 << 20;
const test::FakeMemory kFull{.file_bytes = 60 * kMiB, .limit_bytes = 100 * kMiB};

/// Takes every record for committed, and keeps it.
class Collector {
 public:
  explicit Collector(RecordQueue& queue) : queue_(queue), thread_([this] { collect(); }) {}
  ~Collector() {
    queue_.close();
    thread_.join();
  }
  std::vector<core::Reclaim> reclaims() {
    const std::lock_guard lock(mutex_);
    return reclaims_;
  }

 private:
  void collect() {
    for (auto batch = queue_.take(); !batch.empty(); batch = queue_.take()) {
      {
        const std::lock_guard lock(mutex_);
        for (const Record& record : batch) {
          if (const auto* reclaim = std::get_if<core::Reclaim>(&record)) reclaims_.push_back(*reclaim);
        }
      }
      queue_.done(batch);
    }
  }
  RecordQueue& queue_;
  std::mutex mutex_;
  std::vector<core::Reclaim> reclaims_;
  std::thread thread_;
};

Candidates scan(const FakeCgroups& tree, const core::Policy& policy = {}, bool dry_run = false) {
  Sampler sampler(kernel::open_hierarchy(tree.root()), kernel::Watch::automatic, policy, {});
  return {sampler.hierarchy(), sampler.scan(wall_now_us()).candidates, dry_run};
}

const Reclaimer::Interrupts kNever;

TEST(Reclaimer, ReclaimsOnceAndOnlyOnceInACooldown) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  RecordQueue queue;
  Collector collector(queue);
  Reclaimer reclaimer({.next_reclaim_id = 7}, queue);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), kNever), 1U);
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "1");
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), kNever), 0U);
  ASSERT_TRUE(test::eventually([&] { return collector.reclaims().size() == 2; }));
  const core::Reclaim started = collector.reclaims()[0];
  const core::Reclaim ended = collector.reclaims()[1];
  EXPECT_EQ(started.reclaim_id, 7);
  EXPECT_EQ(started.outcome, ReclaimOutcome::started);
  ASSERT_TRUE(started.cooldown);
  EXPECT_EQ(started.cooldown->until_us - started.cooldown->last_reclaim_at_us, 30'000'000);
  EXPECT_EQ(started.threshold_bytes, 25 * kMiB);
  EXPECT_EQ(ended.reclaim_id, 7);
  EXPECT_EQ(ended.outcome, ReclaimOutcome::done);
  EXPECT_EQ(ended.freed_bytes, 0U);
  EXPECT_TRUE(ended.duration_us);
}

TEST(Reclaimer, KeepsACooldownThatAnEarlierRunBegan) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  RecordQueue queue;
  const std::int64_t now_us = wall_now_us();
  Reclaimer reclaimer({.cooldowns = {{{"/web", tree.inode("/web")}, {now_us - 1'000'000, now_us + 29'000'000, 0}}}}, queue);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), kNever), 0U);
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "");
}

TEST(Reclaimer, AsksV2ForWhatIsAboveTheTarget) {
  FakeCgroups tree;
  tree.put("/web", test::v2_files(kFull));
  RecordQueue queue;
  Collector collector(queue);
  Reclaimer reclaimer({}, queue);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), kNever), 1U);
  const std::uint64_t wanted = 60 * kMiB - 25 * kMiB / 2;
  EXPECT_EQ(tree.file("/web", "memory.reclaim"), std::to_string(wanted) + " swappiness=0");
  ASSERT_TRUE(test::eventually([&] { return !collector.reclaims().empty(); }));
  EXPECT_EQ(collector.reclaims().at(0).requested_bytes, wanted);
}

TEST(Reclaimer, ReadsAgainBeforeItActs) {
  FakeCgroups tree;
  tree.put("/calmed", test::minimal_v1(kFull));
  tree.put("/gone", test::minimal_v1(kFull));
  const Candidates candidates = scan(tree);
  ASSERT_EQ(candidates.cgroups.size(), 2U);
  tree.put("/calmed", test::minimal_v1({.file_bytes = kMiB}));
  tree.remove("/gone");
  RecordQueue queue;
  Reclaimer reclaimer({}, queue);
  EXPECT_EQ(reclaimer.reclaim_due(candidates, kNever), 0U);
  EXPECT_TRUE(reclaimer.cooldowns().empty());
}

TEST(Reclaimer, OnlyRecordsInADryRun) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  RecordQueue queue;
  Collector collector(queue);
  Reclaimer reclaimer({}, queue);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree, {}, /*dry_run=*/true), kNever), 1U);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree, {}, /*dry_run=*/true), kNever), 0U);
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "");
  ASSERT_TRUE(test::eventually([&] { return collector.reclaims().size() == 1; }));
  EXPECT_EQ(collector.reclaims()[0].outcome, ReclaimOutcome::dry_run);
  EXPECT_FALSE(collector.reclaims()[0].cooldown);
}

TEST(Reclaimer, RecordsWhatTheKernelSaidWhenItRefuses) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  tree.remove_file("/web", "memory.force_empty");
  std::filesystem::create_symlink("/dev/null", tree.root() + "/web/memory.force_empty");
  RecordQueue queue;
  Collector collector(queue);
  Reclaimer reclaimer({}, queue);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), kNever), 1U);
  ASSERT_TRUE(test::eventually([&] { return collector.reclaims().size() == 2; }));
  EXPECT_EQ(collector.reclaims()[1].outcome, ReclaimOutcome::failed);
  EXPECT_EQ(collector.reclaims()[1].error, "memory.force_empty: Too many levels of symbolic links");
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), kNever), 0U) << "a refusal has its cooldown too";
}

TEST(Reclaimer, OnlyRecordsWhereTheKernelCantReclaim) {
  FakeCgroups tree;
  tree.put("/web", test::v2_files(kFull));
  tree.remove_file("/web", "memory.reclaim");
  RecordQueue queue;
  Reclaimer reclaimer({}, queue);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), kNever), 0U);
  EXPECT_TRUE(reclaimer.cooldowns().empty());
}

TEST(Reclaimer, DoesNotAskTheKernelBeforeItsStartIsOnRecord) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  RecordQueue queue;
  Reclaimer reclaimer({}, queue);
  const Candidates candidates = scan(tree);
  std::thread thread([&] { reclaimer.reclaim_due(candidates, kNever); });
  const std::vector<Record> taken = queue.take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(std::get<core::Reclaim>(taken[0]).outcome, ReclaimOutcome::started);
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "") << "taken by the recorder, but not committed";
  queue.done(taken);
  thread.join();
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "1");
}

TEST(Reclaimer, DoesNotAskTheKernelAnyMoreWhenTheServiceStopsMeanwhile) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  RecordQueue queue;
  Reclaimer reclaimer({}, queue);
  const Candidates candidates = scan(tree);
  std::atomic<bool> stopping{false};
  std::thread thread([&] { reclaimer.reclaim_due(candidates, {.stopping = [&] { return stopping.load(); }}); });
  const std::vector<Record> taken = queue.take();
  stopping = true;
  queue.end_waits();
  thread.join();
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "");
  const std::vector<Record> rest = queue.take();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(std::get<core::Reclaim>(rest[0]).outcome, ReclaimOutcome::interrupted);
}

TEST(Reclaimer, IsNotBlockedLongerThanOneCooldownByAClockThatWasSetBack) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  RecordQueue queue;
  Collector collector(queue);
  constexpr std::int64_t kDay = 86'400'000'000;
  std::int64_t now_us = 10 * kDay;
  Reclaimer reclaimer({}, queue, [&] { return now_us; });
  const Candidates candidates = scan(tree);
  EXPECT_EQ(reclaimer.reclaim_due(candidates, kNever), 1U);
  now_us -= kDay;
  EXPECT_EQ(reclaimer.reclaim_due(candidates, kNever), 0U);
  now_us += 29'999'999;
  EXPECT_EQ(reclaimer.reclaim_due(candidates, kNever), 0U);
  now_us += 1;
  EXPECT_EQ(reclaimer.reclaim_due(candidates, kNever), 1U);
}

TEST(Reclaimer, DoesNotLetADryRunHoldBackARealOne) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  RecordQueue queue;
  Collector collector(queue);
  Reclaimer reclaimer({}, queue);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree, {}, /*dry_run=*/true), kNever), 1U);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), kNever), 1U);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree, {}, /*dry_run=*/true), kNever), 0U) << "a real cooldown holds in a dry run";
}

TEST(Reclaimer, GoesOnWithoutTheRecordWhenTheDiskDoesNotAnswer) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  RecordQueue nobody_takes_from_it;
  Reclaimer reclaimer({}, nobody_takes_from_it);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), kNever), 1U);
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "1");
}

TEST(Reclaimer, StopsBetweenReclaimsWhenToldTo) {
  FakeCgroups tree;
  for (const char* path : {"/a", "/b", "/c"}) tree.put(path, test::minimal_v1(kFull));
  RecordQueue queue;
  Collector collector(queue);
  Reclaimer reclaimer({}, queue);
  int asked = 0;
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree), {.newer_scan = [&] { return ++asked > 2; }}), 2U);
}

TEST(Reclaimer, ObeysRules) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1(kFull));
  tree.put("/db", test::minimal_v1(kFull));
  const core::Policy policy{.defaults = {}, .rules = {{.cgroup = "/db", .threshold = {}, .cooldown_us = {}, .reclaim = false}}};
  RecordQueue queue;
  Collector collector(queue);
  Reclaimer reclaimer({}, queue);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree, policy), kNever), 1U);
  EXPECT_EQ(tree.file("/db", "memory.force_empty"), "");
}

}  // namespace
}  // namespace cgmm::daemon
