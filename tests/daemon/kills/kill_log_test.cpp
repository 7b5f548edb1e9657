// SPDX-License-Identifier: Apache-2.0
#include "daemon/kills/kill_log.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/fake_cgroups.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
const std::string kContainer = "/kubepods/burstable/pod1f0c2a3b-1111-2222-3333-444455556666/" + std::string(64, 'a');

/// A log that is a file, and a clock that stands still.
class KillLogTest : public testing::Test {
 protected:
  KillLogTest() {
    tree_.put("/kubepods", {});
    board_.set_hierarchy(hierarchy());
  }

  std::string log() const { return directory_.path() / "kmsg"; }
  void write(std::uint64_t sequence, std::int64_t at_us, const std::string& text) {
    std::ofstream(log(), std::ios::app) << "6," << sequence << "," << at_us << ",-;" << text << "\n";
  }
  void write_kill(std::uint64_t sequence, std::int64_t at_us, const std::string& path, int pid) {
    const std::string number = std::to_string(pid);
    write(sequence - 1, at_us,
          "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=" + path +
              ",task_memcg=" + path + ",task=java,pid=" + number + ",uid=7");
    write(sequence, at_us,
          "Memory cgroup out of memory: Killed process " + number +
              " (java) total-vm:800kB, anon-rss:400kB, file-rss:40kB, shmem-rss:4kB, UID:7 pgtables:4kB "
              "oom_score_adj:0");
  }

  kernel::Hierarchy hierarchy() const {
    return {.parent = tree_.root() + "/kubepods", .root = tree_.root(), .parent_path = "/kubepods"};
  }
  using Reader = std::unique_ptr<KillLog>;
  Reader kill_log(std::optional<core::LogPosition> read_before) {
    const Clocks clocks{.wall = [] { return 1000 * kSecond; }, .steady = [] { return 500 * kSecond; }};
    auto reader = std::make_unique<KillLog>(log(), queue_, board_, clocks);
    reader->read_on_from(std::move(read_before));
    return reader;
  }

  /// What it hands on until it has caught up with the log, and stops.
  std::vector<Record> handed_on(std::optional<core::LogPosition> read_before) {
    const Reader reader = kill_log(std::move(read_before));
    reader->stop();
    reader->run();
    queue_.close();
    return queue_.take();
  }
  static std::vector<core::OomKill> kills(const std::vector<Record>& records) {
    std::vector<core::OomKill> found;
    for (const Record& record : records) {
      if (const auto* kill = std::get_if<core::OomKill>(&record)) found.push_back(*kill);
    }
    return found;
  }

  test::TempDir directory_;
  test::FakeCgroups tree_;
  RecordQueue queue_;
  StatusBoard board_;
};

TEST_F(KillLogTest, TellsWhatWasLoggedWhileTheServiceWasDown) {
  write_kill(5, 490 * kSecond, "/kubepods/web", 77);
  const auto found = kills(handed_on(core::LogPosition{"an earlier boot", 900}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].killed_at_us, 990 * kSecond) << "ten seconds ago";
  EXPECT_EQ(found[0].logged.victim_pid, 77);
  EXPECT_EQ(found[0].position.boot_id, kernel::KernelLog::boot_id());
  EXPECT_EQ(found[0].position.sequence, 5U);
}

TEST_F(KillLogTest, TellsNoKillAgainThatAnEarlierRunHasTold) {
  write_kill(5, kSecond, "/kubepods/web", 77);
  write_kill(9, 2 * kSecond, "/kubepods/web", 78);
  const auto found = kills(handed_on(core::LogPosition{kernel::KernelLog::boot_id(), 5}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].logged.victim_pid, 78);
}

TEST_F(KillLogTest, LeavesAloneWhatWasLoggedBeforeTheVeryFirstStart) {
  write_kill(5, kSecond, "/kubepods/web", 77);
  write(8, 2 * kSecond, "eth0: link up");
  const auto records = handed_on(std::nullopt);
  EXPECT_TRUE(kills(records).empty());
  const auto* position = std::get_if<core::LogPosition>(&records.at(0));
  ASSERT_NE(position, nullptr) << "but how far that was is recorded";
  EXPECT_EQ(position->sequence, 8U);
}

/// To read a long log takes a while.
TEST_F(KillLogTest, TellsWhatIsLoggedWhileItReadsTheLogForTheFirstTime) {
  write_kill(5, kSecond, "/kubepods/web", 77);
  const Reader reader = kill_log(std::nullopt);
  write_kill(9, 500 * kSecond, "/kubepods/web", 78);
  reader->stop();
  reader->run();
  queue_.close();
  const auto found = kills(queue_.take());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].logged.victim_pid, 78);
}

TEST_F(KillLogTest, TellsWhatIsLoggedFromThenOn) {
  write(1, kSecond, "eth0: link up");
  const Reader reader = kill_log(std::nullopt);
  std::thread thread([&] { reader->run(); });
  ASSERT_TRUE(std::holds_alternative<core::LogPosition>(queue_.take().at(0)));
  write_kill(3, 2 * kSecond, "/kubepods/web", 77);
  const auto found = kills(queue_.take());
  reader->stop();
  thread.join();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].killed_at_us, 1000 * kSecond) << "the moment when it came, whatever the log's clock says";
}

TEST_F(KillLogTest, KnowsTheContainerAndItsInodeWhileItIsThere) {
  tree_.put(kContainer + "/nested", {});
  write_kill(5, kSecond, kContainer + "/nested", 77);
  const auto found = kills(handed_on(core::LogPosition{"an earlier boot", 0}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id.path, kContainer);
  EXPECT_EQ(found[0].id.inode, tree_.inode(kContainer));
  EXPECT_EQ(found[0].container.pod_uid, "1f0c2a3b-1111-2222-3333-444455556666");
  EXPECT_EQ(found[0].logged.victim_path, kContainer + "/nested");
}

TEST_F(KillLogTest, KnowsTheContainerByItsPathWhenItIsGone) {
  write_kill(5, kSecond, kContainer, 77);
  const auto found = kills(handed_on(core::LogPosition{"an earlier boot", 0}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id.inode, 0U);
  EXPECT_EQ(found[0].container.container_id, std::string(64, 'a'));
}

TEST_F(KillLogTest, TakesAContainerOutsideOfTheParentForNoneOfOurs) {
  write_kill(5, kSecond, "/other" + kContainer, 77);
  const auto found = kills(handed_on(core::LogPosition{"an earlier boot", 0}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].container.container_id, "");
}

TEST_F(KillLogTest, TellsAKillInALogThatIsNeverQuiet) {
  write_kill(2, kSecond, "/kubepods/web", 77);
  for (std::uint64_t i = 0; i < 5; ++i)
    write(3 + i, kSecond + 100'000 * static_cast<std::int64_t>(i + 1), "eth0: dropped");
  const Reader reader = kill_log(core::LogPosition{"an earlier boot", 0});
  reader->read_all();
  queue_.close();
  EXPECT_EQ(kills(queue_.take()).size(), 1U) << "without a moment's silence";
}

TEST_F(KillLogTest, KnowsAVictimThatTheLogNamesNoCgroupOfIfItWasSeenInOne) {
  tree_.put("/kubepods/web", {{"cgroup.procs", "1\n"}});  // whose number is never given to another
  for (const char* const path : {"/kubepods/a", "/kubepods/b"}) tree_.put(path, {{"cgroup.procs", "2\n"}});
  write(1, kSecond, "eth0: link up");
  const Reader reader = kill_log(core::LogPosition{"an earlier boot", 0});
  std::thread thread([&] { reader->run(); });
  ASSERT_TRUE(std::holds_alternative<core::LogPosition>(queue_.take().at(0)));
  const auto write_without_path = [&](std::uint64_t sequence, const std::string& pid) {
    write(sequence, 2 * kSecond,
          "Memory cgroup out of memory: Killed process " + pid + " (java) total-vm:800kB, anon-rss:400kB");
  };
  write_kill(3, 2 * kSecond, "/kubepods/noisy", 77);
  ASSERT_EQ(kills(queue_.take()).size(), 1U);
  write_without_path(4, "1");
  write_without_path(5, "2");
  write_without_path(6, "77");
  std::vector<core::OomKill> found;
  while (found.size() < 3) {
    for (core::OomKill& kill : kills(queue_.take())) found.push_back(std::move(kill));
  }
  reader->stop();
  thread.join();
  if (std::filesystem::read_symlink("/proc/self/ns/pid") != "pid:[4026531836]")
    GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: the numbers of processes are not those of the log ***";
  EXPECT_EQ(found[0].logged.victim_path, "/kubepods/web");
  EXPECT_EQ(found[0].id.inode, tree_.inode("/kubepods/web"));
  EXPECT_TRUE(found[0].is_by_pid);
  EXPECT_EQ(found[1].logged.victim_path, "") << "it was seen in two";
  EXPECT_EQ(found[2].logged.victim_path, "") << "it was seen in none";
  EXPECT_FALSE(found[2].is_by_pid);
}

TEST_F(KillLogTest, SwitchedOffForgetsWhereItWas) {
  KillLog off("off", queue_, board_);
  off.read_on_from(core::LogPosition{"a boot", 7});
  queue_.close();
  const auto records = queue_.take();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(std::get<core::LogPosition>(records[0]).boot_id, "");
}

TEST_F(KillLogTest, SwitchedOffHasNothingToDo) {
  KillLog off("off", queue_, board_);
  EXPECT_EQ(board_.kernel_log(), "off");
  off.run();
  queue_.close();
  EXPECT_TRUE(queue_.take().empty());
}

/// Faults, with a clock that is moved.
class KillLogFault : public KillLogTest {
 protected:
  Reader moving(const std::string& source) {
    const Clocks clocks{.wall = [this] { return 1000 * kSecond + now_us_; },
                        .steady = [this] { return now_us_.load(); }};
    auto reader = std::make_unique<KillLog>(source, queue_, board_, clocks);
    reader->read_on_from(core::LogPosition{"an earlier boot", 0});
    return reader;
  }
  /// "begin: ..." and "end: ..." of what has been told since the last call.
  std::vector<std::string> told() {
    queue_.push(core::LogPosition{});  // so that there is always something to take
    std::vector<std::string> events;
    for (const Record& record : queue_.take()) {
      const auto* const event = std::get_if<core::ServiceEvent>(&record);
      if (event == nullptr) continue;
      EXPECT_EQ(event->fault, "kernel_log");
      events.push_back(event->kind.substr(6) + ": " + event->detail);
    }
    return events;
  }
  static void run_once(KillLog& reader) {
    reader.stop();
    reader.run();
  }
  std::atomic<std::int64_t> now_us_ = 500 * kSecond;
};
using Strings = std::vector<std::string>;

TEST_F(KillLogFault, ALogThatIsNotThereIsFoundWhenItComes) {
  const Reader reader = moving(log());
  EXPECT_EQ(board_.kernel_log(), "can't be read: " + log() + ": No such file or directory");
  EXPECT_EQ(
      told(),
      Strings{"begin: the kernel log can't be read: " + log() +
              ": No such file or directory; OOM kills are found by the cgroups' counters, without the victims' names"});
  write_kill(5, 490 * kSecond, "/kubepods/web", 77);
  run_once(*reader);
  EXPECT_EQ(told(), Strings{}) << "it is not looked for all the time";
  now_us_ += 10 * kSecond;
  reader->tend();
  EXPECT_EQ(board_.kernel_log(), log());
  run_once(*reader);
  const auto records = queue_.take();
  ASSERT_EQ(kills(records).size(), 1U);
  EXPECT_TRUE(queue_.faults().empty());
}

TEST_F(KillLogFault, ALogThatCantBeReadAnyMoreIsOpenedAgainAndNoKillToldTwice) {
  // Reading /proc/self/mem at its beginning is an I/O error.
  const std::string source = directory_.path() / "link";
  std::filesystem::create_symlink("/proc/self/mem", source);
  const Reader reader = moving(source);
  run_once(*reader);
  EXPECT_EQ(told(),
            Strings{"begin: the kernel log can't be read: " + source +
                    ": Input/output error; OOM kills are found by the cgroups' counters, without the victims' names"});
  now_us_ += 9 * kSecond;
  reader->tend();
  EXPECT_EQ(told(), Strings{}) << "said once";
  write_kill(5, 490 * kSecond, "/kubepods/web", 77);
  std::filesystem::remove(source);
  std::filesystem::create_symlink(log(), source);
  now_us_ += kSecond;
  run_once(*reader);
  auto records = queue_.take();
  ASSERT_EQ(kills(records).size(), 1U);
  EXPECT_TRUE(queue_.faults().empty());
  EXPECT_EQ(board_.kernel_log(), source);
}

TEST_F(KillLogFault, ADeviceThatIsNotTheKernelsLogIsAFaultUntilItIs) {
  const std::string source = directory_.path() / "link";
  std::filesystem::create_symlink("/dev/null", source);
  const Reader reader = moving(source);
  const std::string other = source + " is device 1:3 and not the kernel's log (device 1:11)";
  EXPECT_EQ(board_.kernel_log(), "can't be read: " + other);
  EXPECT_EQ(told(), Strings{"begin: the kernel log can't be read: " + other +
                            "; OOM kills are found by the cgroups' counters, without the victims' names"});
  run_once(*reader);
  EXPECT_FALSE(queue_.faults().empty());
  std::filesystem::remove(source);
  write_kill(5, 490 * kSecond, "/kubepods/web", 77);
  std::filesystem::create_symlink(log(), source);
  now_us_ += 10 * kSecond;
  reader->tend();
  run_once(*reader);
  EXPECT_EQ(kills(queue_.take()).size(), 1U);
  EXPECT_TRUE(queue_.faults().empty());
}

TEST_F(KillLogFault, AKillThatTheLogDoesNotEndIsToldAfterTwoSeconds) {
  write(1, kSecond, "eth0: link up");
  const Reader reader = moving(log());
  run_once(*reader);
  told();
  const std::string begun =
      "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/kubepods/web,"
      "task_memcg=/kubepods/web,task=app,pid=4242,uid=7";
  write(5, 490 * kSecond, begun);
  write(6, 490 * kSecond + 10, "eth0: link up");
  reader->read_all();
  reader->flush();
  now_us_ += 2 * kSecond - 1;
  reader->flush();
  queue_.push(core::LogPosition{});
  EXPECT_TRUE(kills(queue_.take()).empty());
  now_us_ += 1;
  reader->flush();
  auto found = kills(queue_.take());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].logged.victim_pid, 4242);
  EXPECT_FALSE(found[0].logged.dump.is_end_told);
  // In a log that is never quiet, the log's own clock tells.
  write(7, 495 * kSecond, begun);
  write(8, 497 * kSecond + 1, "eth0: link up");
  reader->read_all();
  found = kills(queue_.take());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].position.sequence, 7U);
}

TEST_F(KillLogFault, RecordsThatAreLostAreOneFaultThatEndsAMinuteAfterTheLast) {
  write(1, kSecond, "eth0: link up");
  const Reader reader = moving(log());
  run_once(*reader);
  told();
  write(1001, kSecond, "a line much later");
  reader->read_all();
  const std::string overwritten =
      " records of the kernel log were overwritten before they were read; OOM kills among them are found by the "
      "cgroups' "
      "counters alone";
  EXPECT_EQ(told(), Strings{"begin: 999" + overwritten});
  for (int i = 2; i <= 90; ++i) {  // ninety seconds of it
    now_us_ += kSecond;
    write(static_cast<std::uint64_t>(i) * 1000 + 1, kSecond, "a line much later");
    reader->read_all();
    reader->tend();
  }
  EXPECT_EQ(told(), Strings{}) << "one fault, however long";
  now_us_ += 20 * kSecond;
  write(100'000, kSecond, "a line much later");
  reader->read_all();
  reader->tend();
  EXPECT_EQ(told(), Strings{"begin: 99908" + overwritten}) << "a hundred times as many";
  now_us_ += 60 * kSecond - 1;
  reader->tend();
  EXPECT_EQ(told(), Strings{});
  now_us_ += 1;
  reader->tend();
  EXPECT_EQ(told(),
            Strings{"end: the kernel log is read as fast as it is written again, after 99908 records were lost"});
  EXPECT_TRUE(queue_.faults().empty());
}

TEST(KillLogPause, IsForAFloodAndForADeviceThatWakesForNothing) {
  EXPECT_TRUE(KillLog::is_pause_due(true, 100));
  EXPECT_TRUE(KillLog::is_pause_due(true, 0));
  EXPECT_FALSE(KillLog::is_pause_due(true, 1));
  EXPECT_FALSE(KillLog::is_pause_due(false, 0)) << "nothing has come, and so much time has passed already";
}

TEST_F(KillLogFault, AFloodIsReadInPortions) {
  write(1, kSecond, "eth0: link up");
  const Reader reader = moving(log());
  run_once(*reader);
  told();
  for (std::uint64_t i = 2; i < 1200; ++i) write(i, kSecond, "eth0: dropped");
  write_kill(1201, 2 * kSecond, "/kubepods/web", 77);
  for (int portion = 0; portion < 2; ++portion) reader->read_all();
  reader->flush();
  queue_.push(core::LogPosition{});
  EXPECT_TRUE(kills(queue_.take()).empty());
  reader->read_all();
  reader->flush();
  EXPECT_EQ(kills(queue_.take()).size(), 1U);
  EXPECT_TRUE(queue_.faults().empty());
}

}  // namespace
}  // namespace cgmm::daemon
