// SPDX-License-Identifier: Apache-2.0
// How much is reclaimed on a real v1 hierarchy: an amount, although memory.force_empty takes none. And that nothing
// else notices how that is done, with signals.
#include <csignal>
#include <map>

#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

constexpr auto kLimit = 400 * kMiB;
constexpr auto kCache = 300 * kMiB;

/// Writes the file again and again, so that its cache comes back while it is reclaimed.
ChildProcess write_for_ever(const std::filesystem::path& cgroup, const std::filesystem::path& file) {
  return ChildProcess::fork_off([&] {
    write_cgroup_file(cgroup / "cgroup.procs", std::to_string(::getpid()));
    const std::vector<char> block(1 << 20, 'y');
    const Fd fd{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
    for (off_t at = 0;; at = (at + std::ssize(block)) % static_cast<off_t>(kCache)) {
      if (::pwrite(fd.get(), block.data(), block.size(), at) < 0) return 1;
    }
  });
}

/// Of each thread: which signals are blocked, and which wait.
std::map<std::string, std::string> signals_of(pid_t pid) {
  std::map<std::string, std::string> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("SigPnd:") || line.starts_with("ShdPnd:") || line.starts_with("SigBlk:"))
        found[task.path().filename()] += line + " ";
    }
  }
  return found;
}
bool none_waits(const std::map<std::string, std::string>& signals) {
  return std::ranges::all_of(signals, [](const auto& one) {
    return one.second.find("SigPnd:\t0000000000000000") != std::string::npos &&
           one.second.find("ShdPnd:\t0000000000000000") != std::string::npos;
  });
}

class RealAmount : public RealTest {
 protected:
  std::int64_t of_reclaim(const std::string& column) const { return number("SELECT " + column + " FROM reclaim"); }
  std::int64_t in_kernel(const std::string& cgroup) const {
    std::ifstream usage(tree().dir() / cgroup / "memory.usage_in_bytes");
    std::int64_t bytes = 0;
    usage >> bytes;
    return bytes;
  }
  const RealCgroupTree& tree() const { return const_cast<RealAmount*>(this)->RealTest::tree(); }

  /// A reclaim that lasts: it asks for little at a time of a cache that grows again.
  void write_config_of_a_long_one(const std::string& more) const {
    write_config("threshold = '20MiB'\nreclaim_to = '4KiB'\nreclaim_step = '4KiB'\ncooldown = '1h'\n" + more);
  }
  /// While the kernel is asked, the signal that ends a reclaim waits in that thread, and the timer's does not.
  bool is_asking(pid_t pid) const {
    if (scan_count() == 0 || reclaim_count("web") == 0) return false;
    return std::ranges::any_of(signals_of(pid), [](const auto& one) {
      const auto at = one.second.find("SigBlk:");
      if (at == std::string::npos) return false;
      const std::uint64_t blocked = std::stoull(one.second.substr(at + 8), nullptr, 16);
      const auto has = [&](int number) { return (blocked >> static_cast<unsigned>(number - 1) & 1U) != 0; };
      return has(SIGUSR2) && !has(SIGRTMIN + 1);
    });
  }
};

TEST_F(RealAmount, IsWhatIsOverTheTargetAndHardlyMore) {
  const Workload web(tree().make("web", kLimit), file("data"), kCache);
  write_config("threshold = '60%'\nreclaim_to = '200MiB'\nreclaim_step = '16MiB'\ncooldown = '1h'\n");
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  EXPECT_EQ(text("SELECT method || ' ' || outcome || ' ' || stopped_by FROM reclaim"), "force_empty done target");
  const std::int64_t requested = of_reclaim("requested_bytes");
  EXPECT_GE(requested, std::int64_t{99 * kMiB});
  EXPECT_LE(requested, std::int64_t{102 * kMiB});
  EXPECT_GE(of_reclaim("freed_bytes"), requested - requested / 50);
  EXPECT_LE(of_reclaim("freed_bytes"), requested + requested / 8);
  EXPECT_GE(of_reclaim("step_count"), 6);
  EXPECT_LE(of_reclaim("file_after_bytes"), std::int64_t{201 * kMiB});
  EXPECT_GE(in_kernel("web"), std::int64_t{185 * kMiB}) << "the kernel says so, too";
}

TEST_F(RealAmount, IsEverythingInOneStepIfNothingIsToStay) {
  const Workload web(tree().make("web", kLimit), file("data"), kCache);
  write_config("threshold = '60%'\nreclaim_to = '0'\ncooldown = '1h'\n");
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  EXPECT_EQ(text("SELECT method || ' ' || outcome || ' ' || stopped_by FROM reclaim"), "force_empty done target");
  EXPECT_EQ(number("SELECT count(*) FROM reclaim WHERE requested_bytes IS NULL"), 1);
  EXPECT_EQ(of_reclaim("step_count"), 1);
  EXPECT_LT(of_reclaim("file_after_bytes"), std::int64_t{4 * kMiB});
}

TEST_F(RealAmount, LeavesNoSignalBehindAndEveryThreadsMaskAsItWas) {
  write_config("threshold = '20MiB'\ncooldown = '0s'\nadaptive = false\n");
  auto service = start_service();
  ASSERT_TRUE(wait_for_scans(2));
  const auto before = signals_of(service.pid());
  Workload web(tree().make("web", kLimit), file("data"), kCache / 4);
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(eventually([&] { return finished_reclaim_count("web") >= i; }));
    web.read_again();
  }
  web.kill();
  EXPECT_TRUE(eventually([&] {
    const auto after = signals_of(service.pid());
    return none_waits(after) && std::ranges::all_of(before, [&](const auto& one) {
             const auto found = after.find(one.first);
             return found == after.end() || found->second == one.second;
           });
  }));
  EXPECT_TRUE(service.running());
}

TEST_F(RealAmount, SighupAmidAReclaimReloadsAndTheReclaimGoesOn) {
  const auto cgroup = tree().make("web", kLimit);
  const Workload web(cgroup, file("data"), kCache);
  const auto writer = write_for_ever(cgroup, file("data"));
  write_config_of_a_long_one("reclaim_timeout = '2s'\n");
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return is_asking(service.pid()); }));
  write_config_of_a_long_one("reclaim_timeout = '2s'\nmax_cooldown = '2h'\n");
  service.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return event_count("config_change") == 1; }));
  ASSERT_TRUE(eventually([&] { return finished_reclaim_count("web") == 1; }));
  const std::string stopped_by = text("SELECT stopped_by FROM reclaim");
  if (stopped_by == "timeout") {
    EXPECT_GE(of_reclaim("duration_us"), 1'900'000) << "no signal has ended it before its time";
  } else {
    EXPECT_TRUE(stopped_by == "target" || stopped_by == "nothing_left") << stopped_by;
  }
  EXPECT_TRUE(none_waits(signals_of(service.pid())));
}

TEST_F(RealAmount, SigtermAmidAReclaimEndsTheServiceInGoodOrder) {
  const auto cgroup = tree().make("web", kLimit);
  const Workload web(cgroup, file("data"), kCache);
  const auto writer = write_for_ever(cgroup, file("data"));
  write_config_of_a_long_one("reclaim_timeout = '1h'\n");
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return is_asking(service.pid()); }));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
  std::ifstream said(log());
  const std::string all{std::istreambuf_iterator<char>(said), {}};
  if (all.find("a reclaim hangs in the kernel") != std::string::npos) {  // it waits for a slow disk
    EXPECT_EQ(text("SELECT outcome FROM reclaim"), "started") << "until the next start";
    return;
  }
  const std::string stopped_by = text("SELECT stopped_by FROM reclaim");
  EXPECT_TRUE(stopped_by == "stop" || stopped_by == "target" || stopped_by == "nothing_left") << stopped_by;
  EXPECT_GT(of_reclaim("freed_bytes IS NOT NULL"), 0);
}

TEST_F(RealAmount, ReclaimTimeoutEndsAReclaimAndWhatItHasFreedIsOnRecord) {
  const auto cgroup = tree().make("web", kLimit);
  const Workload web(cgroup, file("data"), kCache);
  const auto writer = write_for_ever(cgroup, file("data"));
  write_config_of_a_long_one("reclaim_timeout = '100ms'\n");
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  if (text("SELECT stopped_by FROM reclaim") != "timeout")
    GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: the writer was too slow for this kernel";
  EXPECT_EQ(text("SELECT outcome FROM reclaim"), "partial");
  EXPECT_GE(of_reclaim("duration_us"), 95'000);
  EXPECT_EQ(of_reclaim("freed_bytes IS NOT NULL"), 1);
}

}  // namespace
}  // namespace cgmm::test
