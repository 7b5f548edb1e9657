// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/supervisor.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "support/notify_socket.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kSecond_us = 1'000'000;

/// In a time that the test makes; of the threads there is only what they would show.
class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override { board_.set_reclaim_timeout_us(10 * kSecond_us); }

  void pass(std::int64_t us) { now_us_ += us; }
  /// Every thread is awake in each second of these.
  void pass_alive(std::int64_t seconds) {
    for (; seconds > 0; --seconds) {
      pass(kSecond_us);
      board_.set_sampler_at_us(now_us_);
      look();
    }
  }
  /// And takes what is told at once: the kernel keeps ten messages.
  void look() {
    supervisor_.look();
    while (auto message = manager_.next(std::chrono::milliseconds{0})) told_.push_back(*message);
  }
  void scan() {
    core::Scan scan;
    scan.rows.resize(2);
    scan.duration_us = 4000;
    queue_.push_scan(std::move(scan));
  }
  void record() { queue_.done(queue_.take()); }
  void fault(const std::string& name, bool begins = true) {
    queue_.push(core::ServiceEvent{1, begins ? "fault_begin" : "fault_end", name + " is broken", name});
  }
  std::set<std::string> fault_names() const {
    std::set<std::string> names;
    for (const auto& fault : queue_.faults()) names.insert(fault.name);
    return names;
  }
  /// What has been told since the last call.
  std::vector<std::string> told() {
    look();
    return std::exchange(told_, {});
  }
  static bool has(const std::vector<std::string>& messages, const std::string& message) {
    return std::ranges::find(messages, message) != messages.end();
  }

  test::TempDir directory_;
  const std::string notify_ = directory_.path() / "notify";
  test::NotifySocket manager_{notify_};
  std::vector<std::string> told_;
  RecordQueue queue_;
  StatusBoard board_;
  std::int64_t now_us_ = steady_now_us();
  StatusSocket socket_{directory_.path() / "history.db"};
  const Notifier::Environment environment_{.socket = notify_.c_str(), .watchdog_usec = "20000000"};
  Supervisor supervisor_{queue_,       socket_,
                         board_,       "1.2.3",
                         environment_, {.wall = [this] { return now_us_; }, .steady = [this] { return now_us_; }}};
};

TEST_F(SupervisorTest, IsReadyOnceTheFirstScanIsOnRecord) {
  pass_alive(1);
  EXPECT_FALSE(has(told(), "READY=1"));
  scan();
  pass_alive(1);
  EXPECT_FALSE(has(told(), "READY=1")) << "it is made, not recorded";
  record();
  pass_alive(1);
  EXPECT_TRUE(has(told(), "READY=1"));
  pass_alive(3);
  EXPECT_FALSE(has(told(), "READY=1")) << "once";
}

TEST_F(SupervisorTest, IsReadyWithTheFirstScanWhereTheHistoryCantBeWritten) {
  fault("history");
  pass_alive(1);
  EXPECT_FALSE(has(told(), "READY=1"));
  scan();
  pass_alive(1);
  EXPECT_TRUE(has(told(), "READY=1"));
}

TEST_F(SupervisorTest, IsReadyWithTheFirstScanWhereTheDiskHangsForAMinute) {
  scan();
  const auto batch = queue_.take();
  now_us_ = steady_now_us();
  pass_alive(59);
  EXPECT_FALSE(has(told(), "READY=1"));
  pass_alive(3);
  EXPECT_TRUE(has(told(), "READY=1")) << "long before TimeoutStartSec is over";
  queue_.done(batch);
}

TEST_F(SupervisorTest, IsNotReadyWhereTheDiskHangsBeforeThereWasAScan) {
  queue_.push(core::LogPosition{});
  const auto batch = queue_.take();
  now_us_ = steady_now_us();
  pass_alive(90);
  EXPECT_FALSE(has(told(), "READY=1"));
  scan();
  pass_alive(1);
  EXPECT_TRUE(has(told(), "READY=1"));
  queue_.done(batch);
}

TEST_F(SupervisorTest, AnotherFaultDoesNotMakeItReady) {
  fault("kernel_log");
  scan();
  pass_alive(1);
  EXPECT_FALSE(has(told(), "READY=1"));
}

TEST_F(SupervisorTest, TellsItsStatusWhenItChanges) {
  pass_alive(1);
  EXPECT_TRUE(has(told(), "STATUS=no scan yet"));
  scan();
  pass_alive(1);
  EXPECT_TRUE(has(told(), "STATUS=2 cgroups, last scan 4 ms, 0 in cooldown"));
  board_.set_in_cooldown_count(1);
  pass_alive(1);
  EXPECT_TRUE(has(told(), "STATUS=2 cgroups, last scan 4 ms, 1 in cooldown"));
  scan();
  pass_alive(1);
  EXPECT_FALSE(has(told(), "STATUS=2 cgroups, last scan 4 ms, 1 in cooldown")) << "it is the same";
  fault("reader");
  pass_alive(1);
  EXPECT_TRUE(has(told(), "STATUS=2 cgroups, last scan 4 ms, 1 in cooldown; fault: reader is broken"));
}

TEST_F(SupervisorTest, FeedsTheWatchdogTwiceInItsTime) {
  pass_alive(60);
  EXPECT_EQ(std::ranges::count(told(), "WATCHDOG=1"), 6);
}

TEST_F(SupervisorTest, FeedsTheWatchdogASecondLaterWhereTheManagerIsBusy) {
  scan();
  record();
  scan();
  record();
  pass_alive(9);
  told();
  board_.set_sampler_at_us(now_us_);
  const Notifier notifier(environment_);
  while (notifier.send("STATUS=so much that nothing more is taken")) {
  }
  pass(10 * kSecond_us);
  board_.set_sampler_at_us(now_us_);
  supervisor_.look();
  EXPECT_LE(supervisor_.ms_until_look(), 1000);
  while (manager_.next(std::chrono::milliseconds{0})) {
  }
  pass(kSecond_us);
  EXPECT_TRUE(has(told(), "WATCHDOG=1"));
}

TEST_F(SupervisorTest, ASamplerThatStopsIsAFaultAndNotFed) {
  pass_alive(1);
  told();
  pass(20 * kSecond_us);
  EXPECT_TRUE(has(told(), "WATCHDOG=1"));
  EXPECT_TRUE(fault_names().empty());
  for (int i = 0; i < 60; ++i) {
    pass(kSecond_us);
    look();
  }
  EXPECT_FALSE(has(told(), "WATCHDOG=1"));
  EXPECT_EQ(fault_names(), std::set<std::string>{"sampler"});
  pass_alive(1);
  EXPECT_TRUE(has(told(), "WATCHDOG=1"));
  EXPECT_TRUE(fault_names().empty());
}

TEST_F(SupervisorTest, AReclaimerThatStopsIsNotFedAfterTwoMinutes) {
  board_.set_reclaimer_at_us(now_us_);
  board_.set_asking({now_us_, "/web"});
  pass_alive(120);
  EXPECT_EQ(std::ranges::count(told(), "WATCHDOG=1"), 12) << "a reclaim may take its time";
  pass_alive(60);
  EXPECT_FALSE(has(told(), "WATCHDOG=1"));
  EXPECT_TRUE(fault_names().empty()) << "the reclaimer's fault is told by who asks the kernel";
  board_.set_reclaimer_at_us(0);
  board_.set_asking({});
  pass_alive(1);
  EXPECT_TRUE(has(told(), "WATCHDOG=1"));
}

TEST_F(SupervisorTest, ARecorderThatStopsIsAFaultAndFedAllTheSame) {
  scan();
  const auto batch = queue_.take();
  now_us_ = steady_now_us();
  pass_alive(59);
  EXPECT_TRUE(fault_names().empty());
  pass_alive(10);
  EXPECT_EQ(fault_names(), std::set<std::string>{"recorder"});
  told();
  pass_alive(60);
  EXPECT_EQ(std::ranges::count(told(), "WATCHDOG=1"), 6);
  queue_.done(batch);
  now_us_ = steady_now_us();
  supervisor_.stopping();  // which looks no more
  EXPECT_EQ(told(), std::vector<std::string>{"STOPPING=1"});
}

TEST_F(SupervisorTest, AReloadIsToldOnlyOnceItIsReady) {
  pass_alive(1);
  told();
  supervisor_.reloading();
  supervisor_.reloaded();
  EXPECT_TRUE(told().empty()) << "READY=1 would be too early";
  scan();
  record();
  pass_alive(1);
  told();
  supervisor_.reloading();
  supervisor_.reloaded();
  const auto messages = told();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0], "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us_));
  EXPECT_EQ(messages[1], "READY=1");
}

TEST_F(SupervisorTest, TheSocketIsMadeAgainWhenTheHistoryIsWell) {
  supervisor_.open();
  pass_alive(1);
  ASSERT_GE(supervisor_.fd(), 0);
  std::filesystem::remove(directory_.path() / "history.db.sock");
  fault("history");
  pass_alive(1);
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / "history.db.sock"));
  fault("history", /*begins=*/false);
  pass_alive(1);
  EXPECT_TRUE(std::filesystem::exists(directory_.path() / "history.db.sock"));

  std::filesystem::remove(directory_.path() / "history.db.sock");
  fault("history");
  fault("history", /*begins=*/false);
  pass_alive(1);
  EXPECT_TRUE(std::filesystem::exists(directory_.path() / "history.db.sock")) << "however short the fault was";
}

TEST_F(SupervisorTest, WhoAsksWithoutEndIsAnsweredAFewTimesASecond) {
  supervisor_.open();
  pass_alive(1);
  int answers = 0;
  for (; supervisor_.fd() >= 0 && answers < 1000; ++answers) {
    const auto address = base::UnixAddress::of((directory_.path() / "history.db.sock").string());
    const base::Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), address->get(), address->length()), 0);
    supervisor_.answer();
  }
  EXPECT_LT(answers, 100);
  EXPECT_LE(supervisor_.ms_until_look(), 1000) << "when the next one is answered";
  pass_alive(1);
  EXPECT_GE(supervisor_.fd(), 0);
}

TEST_F(SupervisorTest, LooksMoreRarelyWhileAllIsWell) {
  for (int i = 0; i < 2; ++i) {
    scan();
    record();
  }
  pass_alive(3);
  EXPECT_GT(supervisor_.ms_until_look(), 1000);
  pass_alive(10);
  fault("history");
  pass_alive(10);
  EXPECT_LE(supervisor_.ms_until_look(), 1000);
}

}  // namespace
}  // namespace cgmm::daemon
