// SPDX-License-Identifier: Apache-2.0
// What the scan loop says of itself and of its neighbours: faults that begin and end.
#include "daemon/sampling/scan_loop.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "support/fake_cgroups.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;
using Strings = std::vector<std::string>;

class ScanLoopTest : public testing::Test {
 protected:
  ScanLoopTest() {
    tree_.put("/pods/web", test::v1_files({}));
    board_.set_kernel_log("/dev/kmsg");
  }

  ScanLoop loop(Settings settings = {}) {
    settings.parent = tree_.root() + "/pods";
    return {{kernel::open_hierarchy(settings.parent), {}}, settings, {}, {queue_, candidates_, board_}};
  }
  Clocks clocks() {
    return {.wall = [this] { return wall_us_; },
            .steady = [this] { return steady_us_; },
            .boot = [this] { return boot_us_; }};
  }
  void pass(std::int64_t us) { wall_us_ += us, steady_us_ += us, boot_us_ += us; }

  /// "fault_begin clock: ..." and so on of what has been told since the last call.
  Strings told() {
    queue_.push(core::LogPosition{});  // so that there is always something to take
    Strings events;
    const std::vector<Record> taken = queue_.take();
    for (const Record& record : taken) {
      if (const auto* facts = std::get_if<core::NodeFacts>(&record)) facts_ = facts->facts;
      if (const auto* scan = std::get_if<core::Scan>(&record)) ++scans_, rows_ = scan->rows.size();
      const auto* const event = std::get_if<core::ServiceEvent>(&record);
      if (event == nullptr) continue;
      events.push_back(event->kind + (event->fault.empty() ? "" : " " + event->fault) + ": " + event->detail);
    }
    queue_.done(taken);
    return events;
  }

  test::FakeCgroups tree_;
  RecordQueue queue_;
  Mailbox<Candidates> candidates_;
  StatusBoard board_;
  core::Parameters facts_;
  int scans_ = 0;
  std::size_t rows_ = 0;
  std::int64_t wall_us_ = 1000 * kDay;
  std::int64_t steady_us_ = kDay;
  std::int64_t boot_us_ = kDay;
};

TEST_F(ScanLoopTest, AClockSetBackIsAFaultUntilItHasRunEvenlyForTenMinutes) {
  ScanLoop one = loop();
  one.tick(clocks());
  pass(kSecond);
  one.tick(clocks());
  EXPECT_EQ(told(), Strings{});
  wall_us_ -= kDay;
  pass(kSecond);
  one.tick(clocks());
  EXPECT_EQ(told(), Strings{"fault_begin clock: the wall clock was set back by " + base::format_duration_us(kDay) +
                            ": what is recorded from now on has instants that "
                            "are on record already"});
  for (int s = 1; s < 600; ++s) {
    pass(kSecond);
    one.tick(clocks());
  }
  EXPECT_EQ(told(), Strings{});
  pass(kSecond);
  one.tick(clocks());
  EXPECT_EQ(told(),
            Strings{"fault_end clock: the wall clock is even again: set to where it was, or not set for ten minutes"});
  EXPECT_TRUE(queue_.faults().empty());
}

TEST_F(ScanLoopTest, AClockThatIsSetForthAndBackAgainIsEvenAtOnce) {
  ScanLoop one = loop();
  one.tick(clocks());
  wall_us_ += kDay;
  one.tick(clocks());
  EXPECT_EQ(told(), Strings{"fault_begin clock: the wall clock was set forth by " + base::format_duration_us(kDay)});
  wall_us_ -= kDay;
  one.tick(clocks());
  EXPECT_EQ(told().size(), 1U);
  EXPECT_TRUE(queue_.faults().empty());
}

TEST_F(ScanLoopTest, AClockThatIsSlewedIsNotSet) {
  ScanLoop one = loop();
  for (int s = 0; s < 100; ++s) {
    one.tick(clocks());
    pass(kSecond);
    wall_us_ += 80'000;  // as fast as chrony does it
  }
  one.tick(clocks());
  pass(kDay);  // a scan a day
  wall_us_ += kHour;
  one.tick(clocks());
  EXPECT_EQ(told(), Strings{});
}

TEST_F(ScanLoopTest, BeingStoppedBetweenTwoClocksIsNoClockThatWasSet) {
  ScanLoop one = loop();
  one.tick(clocks());
  Clocks stopped = clocks();
  stopped.wall = [&] {
    const std::int64_t before_us = wall_us_;
    pass(kHour);
    return before_us;
  };
  one.tick(stopped);
  one.tick(clocks());
  EXPECT_EQ(told(), Strings{});
}

TEST_F(ScanLoopTest, SleepIsAGapAndNothingElse) {
  ScanLoop one = loop();
  one.tick(clocks());
  wall_us_ += 3 * kHour;
  boot_us_ += 3 * kHour;
  pass(kSecond);
  one.tick(clocks());
  EXPECT_EQ(told(), Strings{"gap: the machine slept for " + base::format_duration_us(3 * kHour)});
  pass(kSecond);
  one.tick(clocks());
  EXPECT_EQ(told(), Strings{});
}

TEST_F(ScanLoopTest, AReclaimThatTheKernelDoesNotAnswerIsAFaultUntilItDoes) {
  Settings settings;
  settings.policy.bounds.timeout_us = 10 * kSecond;
  ScanLoop one = loop(settings);
  board_.set_asking({steady_us_, "/pods/web"});
  pass(15 * kSecond - 1);
  one.tick(clocks());
  EXPECT_EQ(told(), Strings{}) << "it was told to end five seconds ago";
  pass(1);
  one.tick(clocks());
  EXPECT_EQ(
      told(),
      Strings{"fault_begin reclaim_hang: a reclaim of /pods/web has been waiting for the kernel for 15 s and can't be "
              "interrupted: until it answers, nothing is reclaimed"});
  for (int s = 0; s < 300; ++s) {
    pass(kSecond);
    one.tick(clocks());
    one.scan_once({});
  }
  EXPECT_EQ(told(), Strings{}) << "said once";
  EXPECT_EQ(scans_, 300) << "scans go on";
  board_.set_asking({steady_us_, "/pods/web"});  // the next step: it has answered in between
  one.tick(clocks());
  EXPECT_EQ(told(), Strings{"fault_end reclaim_hang: the kernel has answered, reclaims go on"});
  EXPECT_TRUE(queue_.faults().empty());
}

TEST_F(ScanLoopTest, AReclaimThatIsAnsweredDoesNotEndAnothersRefusal) {
  ScanLoop one = loop();
  test::FakeCgroups tree;
  tree.put("/web", test::v2_files({.file_bytes = 60 << 20, .limit_bytes = 100 << 20}));
  tree.remove_file("/web", "memory.reclaim");
  core::Policy policy;
  policy.defaults.policy = core::ReclaimPolicy::target;
  Sampler sampler(kernel::open_hierarchy(tree.root()), policy);
  Reclaimer({}, queue_, board_)
      .reclaim_due({.hierarchy = sampler.hierarchy(), .cgroups = sampler.scan(wall_now_us()).candidates}, {});
  ASSERT_EQ(queue_.faults().size(), 1U);
  board_.set_asking({steady_us_, "/pods/web"});
  pass(60 * kSecond);
  one.tick(clocks());
  EXPECT_EQ(queue_.faults().size(), 2U);
  board_.set_asking({});
  one.tick(clocks());
  ASSERT_EQ(queue_.faults().size(), 1U);
  EXPECT_EQ(queue_.faults()[0].name, "reclaim");
}

TEST_F(ScanLoopTest, AParentThatCantBeReadIsAFaultAndScansGoOn) {
  ScanLoop one = loop();
  one.scan_once({});
  told();
  const std::string away = tree_.root() + "/away";
  std::filesystem::rename(tree_.root() + "/pods", away);
  one.scan_once({});
  ASSERT_EQ(told(),
            Strings{"fault_begin parent: the directory of the tracked cgroups can't be read: parent \"" + tree_.root() +
                    "/pods\" can't be opened: No such file or directory; expected a cgroup directory, or \"auto\""});
  for (int i = 0; i < 10; ++i) one.scan_once({});
  EXPECT_EQ(told(), Strings{});
  EXPECT_EQ(scans_, 12);
  EXPECT_EQ(rows_, 0U);
  std::filesystem::rename(away, tree_.root() + "/pods");
  for (int i = 0; i < 3; ++i) one.scan_once({});
  EXPECT_EQ(told(), Strings{"fault_end parent: the directory of the tracked cgroups can be read again"});
  EXPECT_EQ(rows_, 1U);
  EXPECT_TRUE(queue_.faults().empty());
}

TEST_F(ScanLoopTest, TooManyCgroupsAreAFaultAndSoIsOneThatCantBeRead) {
  Settings settings;
  settings.max_cgroups = 2;
  ScanLoop one = loop(settings);
  tree_.put("/pods/a", test::v1_files({}));
  one.scan_once({});
  EXPECT_EQ(told(), Strings{});
  for (const char* path : {"/pods/b", "/pods/c", "/pods/d"}) tree_.put(path, test::v1_files({}));
  tree_.put_file("/pods/web", "memory.stat", "");
  one.scan_once({});
  EXPECT_EQ(told(),
            (Strings{"fault_begin cgroups: cgroups that can't be read: 1, the first: /web/memory.stat: is empty",
                     "fault_begin max_cgroups: 3 cgroups are over max_cgroups and left out, 3 of them "
                     "below /"}));
  EXPECT_EQ(queue_.faults().size(), 2U);
  tree_.put("/pods/web", test::v1_files({}));
  for (const char* path : {"/pods/b", "/pods/c", "/pods/d"}) tree_.remove(path);
  for (int i = 0; i < 3; ++i) one.scan_once({});
  EXPECT_EQ(told().size(), 2U);
  EXPECT_TRUE(queue_.faults().empty());
}

TEST_F(ScanLoopTest, TheNodesFactsFollowTheKernelsLog) {
  ScanLoop one = loop();
  told();
  board_.set_kernel_log("can't be read: no");
  one.tick(clocks());
  told();
  const auto found =
      std::find_if(facts_.begin(), facts_.end(), [](const auto& fact) { return fact.first == "kernel_log"; });
  ASSERT_NE(found, facts_.end());
  EXPECT_EQ(found->second, core::Cell("can't be read: no"));
}

TEST_F(ScanLoopTest, ValuesThatAreNoNumbersAreOneFaultThatNamesThem) {
  const auto with = [](const std::string& more) {
    test::Files files = test::v1_files({});
    files["memory.stat"] = "cache 1\nrss 1\n" + more;
    return files;
  };
  tree_.put("/pods/web", with("total_swap -4096\ntotal_shmem -8192\n"));
  tree_.put("/pods/db", with("total_swap -4096\n"));
  ScanLoop one = loop();
  one.scan_once({});
  const Strings begun = told();
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_TRUE(
      begun[0].starts_with("fault_begin kernel_numbers: values of the kernel that are no number are not "
                           "recorded, the others are: memory.stat total_shmem in 1 cgroup, the first: "
                           "/web: \"-8192\"; memory.stat total_swap in 2 cgroups, the first: "))
      << begun[0];
  EXPECT_EQ(rows_, 2U);
  one.scan_once({});
  EXPECT_EQ(told(), Strings{}) << "it is told once";
  for (const char* const path : {"/pods/web", "/pods/db"}) tree_.put(path, test::v1_files({}));
  for (int i = 0; i < 3; ++i) one.scan_once({});
  EXPECT_EQ(told(), (Strings{"fault_end kernel_numbers: all values of the kernel are numbers again"}));
}

TEST_F(ScanLoopTest, AContainerWithoutTheMemoryControllerIsSaidOnce) {
  tree_.remove("/pods");
  tree_.put("/pods/web", test::v2_files({}));
  const std::string path = "/docker-" + std::string(64, 'a') + ".scope";
  tree_.put("/pods" + path, {{"cgroup.controllers", "cpuset\n"}});
  ScanLoop one = loop();
  one.scan_once({});
  EXPECT_EQ(told(), (Strings{"fault_begin memory_controller: 1 container has no memory controller: not recorded, the "
                             "first: " +
                             path}));
  EXPECT_EQ(rows_, 1U);
  one.scan_once({});
  EXPECT_EQ(told(), Strings{});
}

}  // namespace
}  // namespace cgmm::daemon
