// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/reclaimer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "daemon/clock.hpp"
#include "daemon/sampling/sampler.hpp"
#include "support/eventually.hpp"
#include "support/fake_cgroups.hpp"
#include "support/few_descriptors.hpp"

namespace cgmm::daemon {
namespace {

using core::ReclaimOutcome;
using test::FakeCgroups;

constexpr std::uint64_t kMiB = 1 << 20;
const test::FakeMemory kFull{.file_bytes = 60 * kMiB, .limit_bytes = 100 * kMiB};

/// Reads a fake tree as ever, and has `answer` in the place of the kernel's reclaim.
class FakeKernel : public kernel::Controller {
 public:
  using Answer = std::function<std::error_code(std::uint64_t asked_bytes)>;

  FakeKernel(const kernel::Hierarchy& hierarchy, Answer answer)
      : Controller(hierarchy), real_(kernel::make_controller(hierarchy)), answer_(std::move(answer)) {}

  std::optional<kernel::Reading> read(kernel::Cgroup& cgroup, const kernel::ReadOptions& options) override {
    return real_->read(cgroup, options);
  }
  std::optional<std::uint64_t> read_usage(kernel::Cgroup& /*unused*/) override { return std::nullopt; }
  core::Limits read_limits(kernel::Cgroup& cgroup, const kernel::Reading& reading, std::string& problem) override {
    return real_->read_limits(cgroup, reading, problem);
  }
  core::ReclaimMethod method() const override { return real_->method(); }
  const char* reclaim_file() const override { return real_->reclaim_file(); }
  bool can_reclaim(const kernel::Cgroup&) const override { return true; }
  std::error_code reclaim(kernel::Cgroup&, std::uint64_t bytes) override { return answer_(bytes); }

 private:
  std::unique_ptr<kernel::Controller> real_;
  Answer answer_;
};

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
  std::vector<core::Effect> effects() {
    const std::lock_guard lock(mutex_);
    return effects_;
  }
  std::vector<core::CgroupCooldown> cooldowns() {
    const std::lock_guard lock(mutex_);
    return cooldowns_;
  }
  std::size_t event_count() {
    const std::lock_guard lock(mutex_);
    return event_count_;
  }

 private:
  void collect() {
    for (auto batch = queue_.take(); !batch.empty(); batch = queue_.take()) {
      {
        const std::lock_guard lock(mutex_);
        for (const Record& record : batch) {
          if (const auto* reclaim = std::get_if<core::Reclaim>(&record)) reclaims_.push_back(*reclaim);
          if (const auto* effect = std::get_if<core::Effect>(&record)) effects_.push_back(*effect);
          if (const auto* one = std::get_if<core::CgroupCooldown>(&record)) cooldowns_.push_back(*one);
          if (std::holds_alternative<core::ServiceEvent>(record)) ++event_count_;
        }
      }
      queue_.done(batch);
    }
  }
  RecordQueue& queue_;
  std::mutex mutex_;
  std::vector<core::Reclaim> reclaims_;
  std::vector<core::Effect> effects_;
  std::vector<core::CgroupCooldown> cooldowns_;
  std::size_t event_count_ = 0;
  std::thread thread_;
};

core::Policy down_to_target() {
  core::Policy policy;
  policy.defaults.policy = core::ReclaimPolicy::target;
  return policy;
}

Candidates scan(const FakeCgroups& tree, const core::Policy& policy = down_to_target(), bool dry_run = false) {
  Sampler sampler(kernel::open_hierarchy(tree.root()), policy);
  sampler.scan(wall_now_us());  // what is idle is known after two
  return {sampler.hierarchy(), sampler.scan(wall_now_us()).candidates, dry_run};
}

const Reclaimer::Interrupts kNever;

/// What is recorded up to the start of a reclaim, which is last.
std::vector<Record> take_start(RecordQueue& queue) {
  std::vector<Record> taken = queue.take();
  while (!std::holds_alternative<core::Reclaim>(taken.back())) {
    queue.done(taken);
    taken = queue.take();
  }
  return taken;
}

/// A tree, and nobody who takes what is recorded.
class ReclaimerTest : public testing::Test {
 protected:
  FakeCgroups tree_;
  RecordQueue queue_;
  StatusBoard board_;
  Reclaimer reclaimer_{{}, queue_, board_};
};

class RecordedReclaimer : public ReclaimerTest {
 protected:
  Collector collector_{queue_};
};

TEST_F(RecordedReclaimer, KeepsToACooldownThatIsHandedOverLater) {
  tree_.put("/web", test::minimal_v1(kFull));
  tree_.put("/other", test::minimal_v1(kFull));
  const std::int64_t now_us = wall_now_us();
  board_.hand_over(
      {.cooldowns = {{{"/web", tree_.inode("/web")},
                      {.last_reclaim_at_us = now_us - 1, .until_us = now_us + 20'000'000, .strikes = 0}}}});
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), kNever), 1U);
  EXPECT_EQ(tree_.file("/web", "memory.force_empty"), "");
}

TEST_F(RecordedReclaimer, ReclaimsOnceAndOnlyOnceInACooldown) {
  tree_.put("/web", test::minimal_v1(kFull));
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), kNever), 1U);
  EXPECT_EQ(tree_.file("/web", "memory.force_empty"), "1");
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), kNever), 0U);
  ASSERT_TRUE(test::eventually([&] { return collector_.reclaims().size() == 2; }));
  const core::Reclaim started = collector_.reclaims()[0];
  const core::Reclaim ended = collector_.reclaims()[1];
  EXPECT_EQ(started.reclaim_id, 1);
  EXPECT_EQ(started.outcome, ReclaimOutcome::started);
  ASSERT_FALSE(collector_.cooldowns().empty());
  const core::Cooldown cooldown = collector_.cooldowns()[0].cooldown;
  EXPECT_EQ(cooldown.until_us - cooldown.last_reclaim_at_us, 30'000'000);
  EXPECT_EQ(started.threshold_bytes, 25 * kMiB);
  EXPECT_EQ(ended.reclaim_id, 1);
  EXPECT_EQ(ended.outcome, ReclaimOutcome::done);
  EXPECT_EQ(ended.freed_bytes, 0U);
  EXPECT_TRUE(ended.duration_us);
}

TEST_F(ReclaimerTest, KeepsACooldownThatAnEarlierRunBegan) {
  tree_.put("/web", test::minimal_v1(kFull));
  const std::int64_t now_us = wall_now_us();
  Reclaimer reclaimer({{{"/web", tree_.inode("/web")}, {now_us - 1'000'000, now_us + 29'000'000, 0}}}, queue_, board_);
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree_), kNever), 0U);
  EXPECT_EQ(tree_.file("/web", "memory.force_empty"), "");
}

TEST_F(RecordedReclaimer, AsksV2ForAFirstDoseOfWhatIsIdle) {
  tree_.put("/web", test::v2_files(kFull));
  core::Policy policy;
  policy.defaults.policy = core::ReclaimPolicy::idle;
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_, policy), kNever), 1U);
  ASSERT_TRUE(test::eventually([&] { return !collector_.reclaims().empty(); }));
  EXPECT_EQ(collector_.reclaims().at(0).requested_bytes, (60 * kMiB - 12) * 10 / 100);
}

TEST_F(ReclaimerTest, LeavesACgroupAloneWhoseCacheIsAllInUse) {
  test::FakeMemory busy = kFull;
  busy.inactive_bytes = 0;
  tree_.put("/web", test::v2_files(busy));
  core::Policy policy;
  policy.defaults.policy = core::ReclaimPolicy::idle;
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_, policy), kNever), 0U);
  EXPECT_TRUE(reclaimer_.cooldowns().empty());
}

TEST_F(RecordedReclaimer, AsksV2ForWhatIsAboveTheTarget) {
  tree_.put("/web", test::v2_files(kFull));
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), kNever), 1U);
  EXPECT_TRUE(tree_.file("/web", "memory.reclaim").ends_with(" swappiness=0"));
  ASSERT_TRUE(test::eventually([&] { return !collector_.reclaims().empty(); }));
  EXPECT_EQ(collector_.reclaims().at(0).requested_bytes, 60 * kMiB - 25 * kMiB / 2);
}

class AmountOnV1 : public RecordedReclaimer {
 protected:
  /// What the kernel is asked for, one after the other. It frees all of it.
  std::vector<std::uint64_t> asked_for(const core::Policy& policy) {
    std::uint64_t file_bytes = 60 * kMiB;
    tree_.put("/web", test::v1_files({.file_bytes = file_bytes}));
    std::vector<std::uint64_t> asked;
    Reclaimer one({}, queue_, board_, {}, [&](const kernel::Hierarchy& hierarchy) {
      return std::make_unique<FakeKernel>(hierarchy, [&](std::uint64_t bytes) {
        asked.push_back(bytes);
        file_bytes -= std::min(file_bytes, bytes);
        tree_.put("/web", test::v1_files({.file_bytes = file_bytes}));
        return std::error_code{};
      });
    });
    Candidates candidates = scan(tree_, policy);
    candidates.bounds = policy.bounds;
    EXPECT_EQ(one.reclaim_due(candidates, kNever), 1U);
    EXPECT_TRUE(test::eventually([&] { return collector_.reclaims().size() == 2; }));
    return asked;
  }
};

TEST_F(AmountOnV1, IsWhatIsAboveTheTargetInSteps) {
  core::Policy policy = down_to_target();
  policy.defaults.reclaim_to = core::Threshold::of_bytes(20 * kMiB);
  policy.bounds.step_bytes = 16 * kMiB;
  EXPECT_EQ(asked_for(policy), (std::vector<std::uint64_t>{16 * kMiB, 12 * kMiB, 6 * kMiB, 4 * kMiB, 2 * kMiB}));
  EXPECT_EQ(collector_.reclaims()[1].method, core::ReclaimMethod::force_empty);
  EXPECT_EQ(collector_.reclaims()[1].requested_bytes, 40 * kMiB);
  EXPECT_EQ(collector_.reclaims()[1].freed_bytes, 40 * kMiB);
  EXPECT_EQ(collector_.reclaims()[1].outcome, ReclaimOutcome::done);
  EXPECT_EQ(collector_.reclaims()[1].stopped_by, core::StoppedBy::target);
}

TEST_F(AmountOnV1, IsEverythingAtOnceWithTheRustProgramsPolicy) {
  core::Policy policy;
  policy.defaults.policy = core::ReclaimPolicy::rust;
  EXPECT_EQ(asked_for(policy), std::vector<std::uint64_t>{kernel::kEverything});
  EXPECT_EQ(collector_.reclaims()[1].requested_bytes, std::nullopt);
  EXPECT_EQ(collector_.reclaims()[1].freed_bytes, 60 * kMiB);
  EXPECT_EQ(collector_.reclaims()[1].step_count, 1);
}

TEST_F(ReclaimerTest, ReadsAgainBeforeItActs) {
  tree_.put("/calmed", test::minimal_v1(kFull));
  tree_.put("/gone", test::minimal_v1(kFull));
  const Candidates candidates = scan(tree_);
  ASSERT_EQ(candidates.cgroups.size(), 2U);
  tree_.put("/calmed", test::minimal_v1({.file_bytes = kMiB}));
  tree_.remove("/gone");
  EXPECT_EQ(reclaimer_.reclaim_due(candidates, kNever), 0U);
  EXPECT_TRUE(reclaimer_.cooldowns().empty());
}

TEST_F(RecordedReclaimer, OnlyRecordsInADryRun) {
  tree_.put("/web", test::minimal_v1(kFull));
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_, down_to_target(), /*dry_run=*/true), kNever), 1U);
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_, down_to_target(), /*dry_run=*/true), kNever), 0U);
  EXPECT_EQ(tree_.file("/web", "memory.force_empty"), "");
  ASSERT_TRUE(test::eventually([&] { return collector_.reclaims().size() == 1; }));
  EXPECT_EQ(collector_.reclaims()[0].outcome, ReclaimOutcome::dry_run);
  EXPECT_EQ(collector_.reclaims()[0].requested_bytes, 95 * kMiB / 2) << "what it would have asked for";
  EXPECT_TRUE(collector_.cooldowns().empty());
}

TEST_F(RecordedReclaimer, RecordsWhatTheKernelSaidWhenItRefuses) {
  tree_.put("/web", test::minimal_v1(kFull));
  tree_.remove_file("/web", "memory.force_empty");
  std::filesystem::create_symlink("/dev/null", tree_.root() + "/web/memory.force_empty");
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), kNever), 1U);
  ASSERT_TRUE(test::eventually([&] { return collector_.reclaims().size() == 2; }));
  EXPECT_EQ(collector_.reclaims()[1].outcome, ReclaimOutcome::failed);
  EXPECT_EQ(collector_.reclaims()[1].error, "memory.force_empty: Too many levels of symbolic links");
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), kNever), 0U) << "a refusal has its cooldown too";
}

TEST_F(ReclaimerTest, OnlyRecordsWhereTheKernelCantReclaim) {
  tree_.put("/web", test::v2_files(kFull));
  tree_.remove_file("/web", "memory.reclaim");
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), kNever), 0U);
  EXPECT_TRUE(reclaimer_.cooldowns().empty());
}

/// Its directory can be opened, and then nothing more.
class KernelWithoutDescriptors : public FakeKernel {
 public:
  using FakeKernel::FakeKernel;
  bool can_reclaim(const kernel::Cgroup& cgroup) const override {
    none_.emplace(0);
    return Controller::can_reclaim(cgroup);
  }

 private:
  mutable std::optional<test::FewDescriptors> none_;
};

TEST_F(ReclaimerTest, AMissingDescriptorIsNotAKernelThatCantReclaim) {
  tree_.put("/web", test::v2_files(kFull));
  const Candidates candidates = scan(tree_);
  {
    Reclaimer reclaimer({}, queue_, board_, {}, [](const kernel::Hierarchy& hierarchy) {
      return std::make_unique<KernelWithoutDescriptors>(hierarchy, [](std::uint64_t) { return std::error_code{}; });
    });
    queue_.end_waits();  // nobody records
    reclaimer.reclaim_due(candidates, kNever);
  }
  EXPECT_TRUE(queue_.faults().empty()) << queue_.faults().front().detail;
  tree_.remove_file("/web", "memory.reclaim");
  EXPECT_EQ(reclaimer_.reclaim_due(candidates, kNever), 0U);
  EXPECT_EQ(queue_.faults().size(), 1U) << "this one can't";
}

TEST_F(ReclaimerTest, DoesNotAskTheKernelBeforeItsStartIsOnRecord) {
  tree_.put("/web", test::minimal_v1(kFull));
  const Candidates candidates = scan(tree_);
  std::thread thread([&] { reclaimer_.reclaim_due(candidates, kNever); });
  const std::vector<Record> taken = take_start(queue_);
  EXPECT_EQ(std::get<core::Reclaim>(taken.back()).outcome, ReclaimOutcome::started);
  EXPECT_EQ(tree_.file("/web", "memory.force_empty"), "") << "taken by the recorder, but not committed";
  queue_.done(taken);
  thread.join();
  EXPECT_EQ(tree_.file("/web", "memory.force_empty"), "1");
}

TEST_F(ReclaimerTest, DoesNotAskTheKernelAnyMoreWhenTheServiceStopsMeanwhile) {
  tree_.put("/web", test::minimal_v1(kFull));
  const Candidates candidates = scan(tree_);
  std::atomic<bool> stopping{false};
  std::thread thread([&] { reclaimer_.reclaim_due(candidates, {.stopping = [&] { return stopping.load(); }}); });
  take_start(queue_);
  stopping = true;
  queue_.end_waits();
  thread.join();
  EXPECT_EQ(tree_.file("/web", "memory.force_empty"), "");
  const std::vector<Record> rest = queue_.take();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(std::get<core::Reclaim>(rest[0]).outcome, ReclaimOutcome::interrupted);
}

/// A clock that can be set, and time that passes.
class ReclaimerByClock : public RecordedReclaimer {
 protected:
  static constexpr std::int64_t kDay = 86'400'000'000;
  static constexpr std::int64_t kSecond = 1'000'000;

  ReclaimerByClock() { tree_.put("/web", test::minimal_v1(kFull)); }
  Clocks clocks() {
    return {.wall = [this] { return wall_us_; },
            .steady = [this] { return boot_us_; },
            .boot = [this] { return boot_us_; }};
  }
  void pass(std::int64_t us) { wall_us_ += us, boot_us_ += us; }
  Candidates candidates() {
    Candidates found = scan(tree_);
    found.learning.adaptive = false;  // nothing is freed here
    return found;
  }

  std::int64_t wall_us_ = 100 * kDay;
  std::int64_t boot_us_ = kDay;
};

TEST_F(ReclaimerByClock, ADayBackNeitherBlocksNorShortensACooldown) {
  Reclaimer reclaimer({}, queue_, board_, clocks());
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 1U);
  pass(10 * kSecond);
  wall_us_ -= kDay;
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 0U);
  pass(20 * kSecond - 1);
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 0U);
  pass(1);
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 1U) << "30 s after the last one";
}

TEST_F(ReclaimerByClock, ADayForthDoesNotEndACooldown) {
  Reclaimer reclaimer({}, queue_, board_, clocks());
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 1U);
  pass(10 * kSecond);
  wall_us_ += kDay;
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 0U);
  pass(20 * kSecond);
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 1U);
}

TEST_F(ReclaimerByClock, WhatHoldsWhenTheClockIsSetIsRecordedAnew) {
  const core::CgroupId web{"/web", tree_.inode("/web")};
  const core::CgroupId over{"/over", 7};
  Reclaimer reclaimer({{over, {wall_us_ - 9, wall_us_ - 1, 1}}}, queue_, board_, clocks());
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 1U);
  pass(10 * kSecond);
  wall_us_ += kDay;
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 0U);
  ASSERT_TRUE(test::eventually([&] { return collector_.cooldowns().size() >= 2; }));
  const auto told = collector_.cooldowns();
  ASSERT_EQ(told.size(), 2U) << "when it began, and when the clock was set; only what still holds";
  EXPECT_EQ(told[1].id, web);
  EXPECT_EQ(told[1].cooldown.until_us, wall_us_ + 20 * kSecond);
  EXPECT_EQ(told[1].cooldown, reclaimer.cooldowns().at(web));
  Reclaimer after_a_crash({{told[1].id, told[1].cooldown}}, queue_, board_, clocks());
  EXPECT_EQ(after_a_crash.reclaim_due(candidates(), kNever), 0U);
}

TEST_F(ReclaimerByClock, ADryRunsCooldownsAreNotRecordedWhenTheClockIsSet) {
  Reclaimer reclaimer({}, queue_, board_, clocks());
  Candidates dry = candidates();
  dry.dry_run = true;
  EXPECT_EQ(reclaimer.reclaim_due(dry, kNever), 1U);
  wall_us_ += kDay;
  EXPECT_EQ(reclaimer.reclaim_due(dry, kNever), 0U);
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 1U);
  ASSERT_TRUE(test::eventually([&] { return collector_.reclaims().size() == 3; }));
  EXPECT_EQ(collector_.cooldowns().size(), 1U) << "of the real one";
}

/// Effects go by a clock that is never set, and the cooldown that they lengthen is where the wall clock is now.
TEST_F(ReclaimerByClock, WhatBecomesOfAReclaimIsToldAllTheSame) {
  for (const char* name : {"memory.limit_in_bytes", "memory.force_empty"}) tree_.remove_file("/web", name);
  tree_.put("/web", test::v2_files(kFull));
  Reclaimer reclaimer({}, queue_, board_, clocks(), [this](const kernel::Hierarchy& hierarchy) {
    return std::make_unique<FakeKernel>(hierarchy, [this](std::uint64_t) {
      tree_.put("/web", test::v2_files({.file_bytes = 12 * kMiB, .limit_bytes = 100 * kMiB}));
      return std::error_code{};
    });
  });
  Candidates found = scan(tree_);
  EXPECT_EQ(reclaimer.reclaim_due(found, kNever), 1U);
  found.cgroups.clear();
  for (const std::int64_t set_us : {-kDay, 2 * kDay, -kDay}) {
    wall_us_ += set_us;
    pass(5 * kSecond);
    found.seen_at_us = boot_us_;
    found.sightings = {{.inode = tree_.inode("/web"), .cache_bytes = 12 * kMiB, .refault_file = 7}};
    reclaimer.reclaim_due(found, kNever);
  }
  pass(5 * kSecond);
  found.seen_at_us = boot_us_;
  found.sightings[0].refault_file = 7 + 60 * kMiB / 4096;  // all of it was read again
  reclaimer.reclaim_due(found, kNever);
  const core::Cooldown& cooldown = reclaimer.cooldowns().begin()->second;
  EXPECT_EQ(cooldown.strikes, 1);
  EXPECT_EQ(cooldown.until_us - wall_us_, 60 * kSecond - 20 * kSecond);
  EXPECT_TRUE(test::eventually([&] {
    const auto effects = collector_.effects();
    return !effects.empty() && effects.back().verdict == core::Verdict::churn &&
           effects.back().observed_for_us == 20 * kSecond;
  }));
}

TEST_F(ReclaimerByClock, TimeThatTheMachineSleptCounts) {
  std::int64_t steady_us = 0;
  Clocks sleeping = clocks();
  sleeping.steady = [&] { return steady_us; };
  Reclaimer reclaimer({}, queue_, board_, sleeping);
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 1U);
  pass(30 * kSecond);
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 1U);
}

TEST_F(ReclaimerByClock, ACooldownOfAnEarlierRunThatLiesInTheFutureBlocksForOneCooldownAtMost) {
  const core::CgroupId web{"/web", tree_.inode("/web")};
  const std::int64_t tomorrow_us = wall_us_ + kDay;
  Reclaimer reclaimer({{web, {tomorrow_us, tomorrow_us + 30 * kSecond, 0}}}, queue_, board_, clocks());
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 0U);
  pass(30 * kSecond);
  EXPECT_EQ(reclaimer.reclaim_due(candidates(), kNever), 1U);
}

/// Whether the kernel takes reclaims at all, as the queue has it.
class ReclaimerFault : public ReclaimerByClock {
 protected:
  /// A scan later, when the cooldown is over.
  Candidates next() {
    pass(30 * kSecond);
    for (const char* name : {"memory.limit_in_bytes", "memory.force_empty"}) tree_.remove_file("/web", name);
    tree_.put("/web", test::v2_files(kFull));
    return candidates();
  }
  std::error_code answer_;
};

TEST_F(ReclaimerFault, OneThatMayNotWriteIsToldOnceAndItsEnd) {
  Reclaimer one({}, queue_, board_, clocks(), [this](const kernel::Hierarchy& hierarchy) {
    return std::make_unique<FakeKernel>(hierarchy, [this](std::uint64_t) { return answer_; });
  });
  answer_ = std::make_error_code(std::errc::read_only_file_system);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one.reclaim_due(next(), kNever), 1U) << "it goes on trying";
  ASSERT_EQ(queue_.faults().size(), 1U);
  EXPECT_EQ(queue_.faults()[0].name, "reclaim");
  EXPECT_EQ(queue_.faults()[0].detail,
            "reclaims that can't be asked for: 1, the first: /web/memory.reclaim: Read-only file system");
  answer_ = {};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(one.reclaim_due(next(), kNever), 1U);
  EXPECT_TRUE(queue_.faults().empty());
}

// Linux before 3.16: memory.force_empty of a cgroup with tasks.
TEST_F(ReclaimerFault, AKernelThatIsBusyAtOnceHasFailedAndIsToldOnce) {
  tree_.remove("/web");
  FakeCgroups v1;
  v1.put("/web", test::v1_files(kFull));
  Reclaimer one({}, queue_, board_, clocks(), [](const kernel::Hierarchy& hierarchy) {
    return std::make_unique<FakeKernel>(
        hierarchy, [](std::uint64_t) { return std::make_error_code(std::errc::device_or_resource_busy); });
  });
  std::size_t tried = 0;
  for (int i = 0; i < 20; ++i) {
    pass(30 * kSecond);
    tried += one.reclaim_due(scan(v1), kNever);
  }
  EXPECT_EQ(tried, 4U) << "at once, after 60, 180 and 420 s: the cooldown grows";
  ASSERT_EQ(queue_.faults().size(), 1U);
  EXPECT_EQ(queue_.faults()[0].detail,
            "reclaims that can't be asked for: 1, the first: /web/memory.force_empty: Device or resource busy "
            "(Linux before 3.16 reclaims no cgroup that has tasks)");
  ASSERT_TRUE(test::eventually([&] { return collector_.reclaims().size() == 8; }));
  EXPECT_EQ(collector_.reclaims()[1].outcome, ReclaimOutcome::failed);
  EXPECT_EQ(collector_.reclaims()[1].stopped_by, core::StoppedBy::error);
  EXPECT_EQ(collector_.reclaims()[1].error, "memory.force_empty: Device or resource busy");
  ASSERT_TRUE(test::eventually([&] { return collector_.effects().size() == 4; }));
  EXPECT_EQ(collector_.effects()[0].verdict, core::Verdict::failed) << "which no advice counts";
  EXPECT_EQ(collector_.event_count(), 1U);
}

TEST_F(ReclaimerFault, AHierarchyThatCantBeReadIsToldOnceAndItsEnd) {
  bool is_there = false;
  Reclaimer one({}, queue_, board_, clocks(), [&](const kernel::Hierarchy& hierarchy) -> std::unique_ptr<FakeKernel> {
    if (!is_there) throw std::runtime_error("Too many open files");
    return std::make_unique<FakeKernel>(hierarchy, [this](std::uint64_t) { return answer_; });
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one.reclaim_due(next(), kNever), 0U);
  ASSERT_EQ(queue_.faults().size(), 1U);
  EXPECT_EQ(queue_.faults()[0].detail, "reclaims that can't be asked for: 1, the first: Too many open files");
  is_there = true;
  EXPECT_EQ(one.reclaim_due(next(), kNever), 1U);
  EXPECT_TRUE(queue_.faults().empty());
  EXPECT_TRUE(test::eventually([&] { return collector_.reclaims().size() == 2; })) << "its start and its end";
  EXPECT_EQ(collector_.event_count(), 2U) << "not one with every scan";
}

TEST_F(ReclaimerFault, AKernelThatCantBeAskedIsOneUntilItCanOrAnotherHierarchyIsWatched) {
  Reclaimer one({}, queue_, board_, clocks());
  const auto without = [&] {
    Candidates found = next();
    tree_.remove_file("/web", "memory.reclaim");
    return found;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(one.reclaim_due(without(), kNever), 0U);
  ASSERT_EQ(queue_.faults().size(), 1U);
  EXPECT_EQ(queue_.faults()[0].name, "reclaim");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(one.reclaim_due(next(), kNever), 1U);
  EXPECT_TRUE(queue_.faults().empty()) << "the file is there";
  one.reclaim_due(without(), kNever);
  EXPECT_EQ(queue_.faults().size(), 1U);
  FakeCgroups other;
  other.put("/db", test::v2_files(kFull));
  EXPECT_EQ(one.reclaim_due(scan(other), kNever), 1U);
  EXPECT_TRUE(queue_.faults().empty());
}

TEST_F(RecordedReclaimer, DoesNotLetADryRunHoldBackARealOne) {
  tree_.put("/web", test::minimal_v1(kFull));
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_, down_to_target(), /*dry_run=*/true), kNever), 1U);
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), kNever), 1U);
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_, down_to_target(), /*dry_run=*/true), kNever), 0U)
      << "a real cooldown holds in a dry run";
}

TEST_F(ReclaimerTest, GoesOnWithoutTheRecordWhenTheDiskDoesNotAnswer) {
  tree_.put("/web", test::minimal_v1(kFull));
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), kNever), 1U);
  EXPECT_EQ(tree_.file("/web", "memory.force_empty"), "1");
}

TEST_F(RecordedReclaimer, StopsBetweenReclaimsWhenToldTo) {
  for (const char* path : {"/a", "/b", "/c"}) tree_.put(path, test::minimal_v1(kFull));
  int asked = 0;
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_), {.newer_scan = [&] { return ++asked > 2; }}), 2U);
}

TEST_F(RecordedReclaimer, ObeysRules) {
  tree_.put("/web", test::minimal_v1(kFull));
  tree_.put("/db", test::minimal_v1(kFull));
  const core::Policy policy{.defaults = down_to_target().defaults,
                            .rules = {{.cgroup = "/db", .threshold = {}, .cooldown_us = {}, .reclaim = false}}};
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_, policy), kNever), 1U);
  EXPECT_EQ(tree_.file("/db", "memory.force_empty"), "");
}

/// One cgroup with 60 MiB of cache, of which 12.5 are to be left, asked for in steps of 16 MiB.
class SteppedReclaim : public RecordedReclaimer {
 protected:
  SteppedReclaim() { put(60 * kMiB, 0); }

  void put(std::uint64_t file_bytes, std::uint64_t stalled_us) {
    test::FakeMemory memory = kFull;
    memory.file_bytes = file_bytes;
    test::Files files = test::v2_files(memory);
    files["memory.pressure"] = "some avg10=0.00 avg60=0.00 avg300=0.00 total=" + std::to_string(stalled_us) + "\n";
    tree_.put("/web", files);
    file_bytes_ = file_bytes;
    stalled_us_ = stalled_us;
  }
  /// The obedient kernel.
  std::error_code drop(std::uint64_t bytes) {
    put(file_bytes_ - bytes, stalled_us_);
    return {};
  }

  /// The end of it, as recorded.
  core::Reclaim reclaim(FakeKernel::Answer answer, const Reclaimer::Interrupts& interrupts = kNever) {
    Candidates candidates = scan(tree_);
    candidates.bounds.step_bytes = 16 * kMiB;
    Reclaimer reclaimer({}, queue_, board_, {.steady = [this] { return now_us_; }},
                        [&](const kernel::Hierarchy& hierarchy) {
                          return std::make_unique<FakeKernel>(hierarchy, [this, answer](std::uint64_t bytes) {
                            asked_.push_back(bytes);
                            now_us_ += step_us_;
                            return answer(bytes);
                          });
                        });
    EXPECT_EQ(reclaimer.reclaim_due(candidates, interrupts), 1U);
    EXPECT_TRUE(test::eventually([&] { return collector_.reclaims().size() == 2; }));
    return collector_.reclaims().back();
  }

  std::uint64_t file_bytes_ = 0, stalled_us_ = 0;
  std::int64_t now_us_ = 1'000'000'000, step_us_ = 25'000;
  std::vector<std::uint64_t> asked_;
};

TEST_F(SteppedReclaim, GoesStepByStepDownToTheTarget) {
  const core::Reclaim ended = reclaim([&](std::uint64_t bytes) { return drop(bytes); });
  EXPECT_EQ(asked_, (std::vector<std::uint64_t>{16 * kMiB, 63 * kMiB / 4, 63 * kMiB / 8, 4 * kMiB, 31 * kMiB / 8}));
  EXPECT_EQ(ended.outcome, ReclaimOutcome::done);
  EXPECT_EQ(ended.stopped_by, core::StoppedBy::target);
  EXPECT_EQ(ended.step_count, 5);
  EXPECT_EQ(ended.duration_us, 5 * 25'000);
  EXPECT_EQ(ended.freed_bytes, 95 * kMiB / 2);
  EXPECT_EQ(ended.requested_bytes, 95 * kMiB / 2);
  EXPECT_EQ(ended.psi_some_us, 0U);
  EXPECT_EQ(ended.error, "");
}

TEST_F(SteppedReclaim, AsksForLessAfterAKernelThatOvershoots) {
  const core::Reclaim ended = reclaim([&](std::uint64_t bytes) { return drop(bytes + bytes / 4); });
  EXPECT_EQ(asked_, (std::vector<std::uint64_t>{16 * kMiB, 55 * kMiB / 4, 165 * kMiB / 32, 495 * kMiB / 128}));
  EXPECT_EQ(ended.stopped_by, core::StoppedBy::target);
  EXPECT_GE(file_bytes_, 25 * kMiB / 2 - kMiB) << "and so stays near the target";
}

TEST_F(SteppedReclaim, IsLeftEarlyWhenTheCgroupsTasksWaitForMemory) {
  const core::Reclaim ended = reclaim([&](std::uint64_t bytes) {
    put(file_bytes_ - bytes, stalled_us_ + 2'501);  // of 25 000
    return std::error_code{};
  });
  EXPECT_EQ(asked_.size(), 1U);
  EXPECT_EQ(ended.outcome, ReclaimOutcome::partial);
  EXPECT_EQ(ended.stopped_by, core::StoppedBy::pressure);
  EXPECT_EQ(ended.freed_bytes, 16 * kMiB);
  EXPECT_EQ(ended.psi_some_us, 2'501U);
  EXPECT_EQ(ended.error, "") << "it is an outcome, not an error";
}

TEST_F(SteppedReclaim, OfShortStepsAsManyAreMeasuredTogetherAsPressureNeedsToBeTold) {
  step_us_ = 7'000;
  const core::Reclaim ended = reclaim([&](std::uint64_t bytes) {
    put(file_bytes_ - bytes, stalled_us_ + 7'000);
    return std::error_code{};
  });
  EXPECT_EQ(asked_.size(), 3U);
  EXPECT_EQ(ended.stopped_by, core::StoppedBy::pressure);
  EXPECT_EQ(ended.psi_some_us, 21'000U);
}

TEST_F(SteppedReclaim, HasItsPressureMeasuredAtItsEndAlsoWhenItWasShort) {
  step_us_ = 100;
  const core::Reclaim ended = reclaim([&](std::uint64_t bytes) {
    put(file_bytes_ - bytes, stalled_us_ + 90);
    return std::error_code{};
  });
  EXPECT_EQ(ended.stopped_by, core::StoppedBy::target);
  EXPECT_EQ(ended.psi_some_us, 5U * 90);
}

TEST_F(SteppedReclaim, EndsBetweenStepsWhenTheServiceStops) {
  bool stopping = false;
  const core::Reclaim ended = reclaim(
      [&](std::uint64_t bytes) {
        stopping = true;
        return drop(bytes);
      },
      {.stopping = [&] { return stopping; }});
  EXPECT_EQ(asked_.size(), 1U);
  EXPECT_EQ(ended.outcome, ReclaimOutcome::interrupted);
  EXPECT_EQ(ended.stopped_by, core::StoppedBy::stop);
  EXPECT_EQ(ended.freed_bytes, 16 * kMiB);
}

TEST_F(SteppedReclaim, EndsWhenTheKernelFindsNoMore) {
  const core::Reclaim ended = reclaim([&](std::uint64_t bytes) {
    if (asked_.size() == 1) return drop(bytes);
    return std::make_error_code(std::errc::resource_unavailable_try_again);
  });
  EXPECT_EQ(ended.outcome, ReclaimOutcome::partial);
  EXPECT_EQ(ended.stopped_by, core::StoppedBy::nothing_left);
  EXPECT_EQ(ended.step_count, 2);
  EXPECT_EQ(ended.error, "");
}

TEST_F(SteppedReclaim, KeepsWhatItHasFreedWhenTheCgroupVanishes) {
  const core::Reclaim ended = reclaim([&](std::uint64_t) {
    tree_.remove("/web");
    return std::make_error_code(std::errc::no_such_device);
  });
  EXPECT_EQ(ended.outcome, ReclaimOutcome::vanished);
  EXPECT_EQ(ended.stopped_by, core::StoppedBy::vanished);
  EXPECT_FALSE(ended.after);
  ASSERT_TRUE(test::eventually([&] { return !collector_.effects().empty(); }));
  EXPECT_EQ(collector_.effects()[0].verdict, core::Verdict::unknown);
}

TEST_F(SteppedReclaim, IsWokenWhenAStepTakesTooLong) {
  std::vector<std::int64_t> alarms;
  const core::Reclaim ended = reclaim([&](std::uint64_t) { return std::make_error_code(std::errc::interrupted); },
                                      {.wake_after_us = [&](std::int64_t us) { alarms.push_back(us); }});
  EXPECT_EQ(alarms, (std::vector<std::int64_t>{10'000'000, 0}));
  EXPECT_EQ(ended.outcome, ReclaimOutcome::partial);
  EXPECT_EQ(ended.stopped_by, core::StoppedBy::timeout);
}

TEST_F(SteppedReclaim, IsPlannedForWhatThereIsWhenTheKernelIsAsked) {
  Candidates candidates = scan(tree_);
  for (const std::uint64_t now_mib : {10U, 100U}) {  // down to 12.5 MiB is asked
    put(60 * kMiB, 0);
    asked_.clear();
    RecordQueue queue;
    Reclaimer reclaimer({}, queue, board_, {}, [&](const kernel::Hierarchy& hierarchy) {
      return std::make_unique<FakeKernel>(hierarchy, [this](std::uint64_t bytes) {
        asked_.push_back(bytes);
        return drop(bytes);
      });
    });
    std::thread thread([&] { reclaimer.reclaim_due(candidates, kNever); });
    const std::vector<Record> started = take_start(queue);
    put(now_mib * kMiB, 0);  // while the start is being committed
    queue.done(started);
    thread.join();
    const auto ended = std::get<core::Reclaim>(queue.take().at(0));
    EXPECT_EQ(ended.outcome, ReclaimOutcome::done);
    EXPECT_EQ(ended.before[core::Gauge::file], now_mib * kMiB);
    EXPECT_EQ(asked_.empty(), now_mib == 10);
    EXPECT_EQ(ended.freed_bytes.value_or(0), now_mib == 10 ? 0 : 175 * kMiB / 2);
  }
}

TEST_F(ReclaimerTest, LeavesACgroupAloneOfWhichNothingIsAboveTheTarget) {
  tree_.put("/web", test::v2_files(kFull));
  core::Policy policy = down_to_target();
  policy.defaults.threshold = core::Threshold::of_bytes(30 * kMiB);
  policy.defaults.reclaim_to = core::Threshold::of_percent(70);  // of 100 MiB
  EXPECT_EQ(reclaimer_.reclaim_due(scan(tree_, policy), kNever), 0U);
  EXPECT_TRUE(reclaimer_.cooldowns().empty());
}

TEST_F(RecordedReclaimer, WaitsLongerEachTimeForACgroupThatOnlyChurns) {
  tree_.put("/web", test::v2_files(kFull));
  std::int64_t now_us = 1'000'000'000'000;
  Reclaimer reclaimer({}, queue_, board_, {.wall = [&] { return now_us; }, .boot = [&] { return now_us; }});
  std::vector<std::int64_t> reclaimed_after_s;  // nothing is freed in a fake tree_, so each is futile
  for (std::int64_t s = 0; s <= 3600; s += 10, now_us += 10'000'000) {
    if (reclaimer.reclaim_due(scan(tree_), kNever) == 1) reclaimed_after_s.push_back(s);
  }
  EXPECT_EQ(reclaimed_after_s, (std::vector<std::int64_t>{0, 60, 180, 420, 900, 1500, 2100, 2700, 3300}));
  EXPECT_EQ(reclaimer.cooldowns().begin()->second.strikes, 5);
}

TEST_F(RecordedReclaimer, StrikesOfAnEarlierRunHold) {
  tree_.put("/web", test::v2_files(kFull));
  std::int64_t now_us = 1'000'000'000'000;
  const core::CgroupId web{"/web", tree_.inode("/web")};
  Reclaimer reclaimer({{web, {now_us, now_us + 240'000'000, 3}}}, queue_, board_,
                      {.wall = [&] { return now_us; }, .boot = [&] { return now_us; }});
  now_us += 239'999'999;
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree_), kNever), 0U);
  now_us += 1;
  EXPECT_EQ(reclaimer.reclaim_due(scan(tree_), kNever), 1U);
  EXPECT_EQ(reclaimer.cooldowns().at(web).until_us - now_us, 480'000'000) << "and one more";
}

}  // namespace
}  // namespace cgmm::daemon
