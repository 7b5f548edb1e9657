// SPDX-License-Identifier: Apache-2.0
// Real OOM kills: each is on record once, with the right victim, cgroup and cause.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "real/real_test.hpp"
#include "support/hungry.hpp"

namespace cgmm::test {
namespace {

constexpr auto kFast = 1000 * kMiB;  // a second

class RealOom : public RealTest {
 protected:
  void SetUp() override {
    RealTest::SetUp();
    if (!IsSkipped() && ::access("/dev/kmsg", R_OK) != 0)
      GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: no /dev/kmsg ***";
    if (!IsSkipped()) eventually(tells_of_six_more_kills, kTellsAgainAfter + std::chrono::seconds{5});
  }

  /// The kernel names the cgroup of ten kills in five seconds only, and another test may have had most of them.
  static constexpr std::chrono::seconds kTellsAgainAfter{5};
  static bool tells_of_six_more_kills() {
    const int log = ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);  // the log's clock drifts from it, slowly
    const std::int64_t from_us = (now.tv_sec - kTellsAgainAfter.count() - 1) * 1'000'000;
    int count = 0;
    char record[8192];
    for (ssize_t size = 0; (size = ::read(log, record, sizeof record)) > 0 || errno == EPIPE;) {
      const std::string text(record, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
      if (text.find(" invoked oom-killer: ") == std::string::npos) continue;
      // "priority,sequence,microseconds,flags;text"
      const std::size_t at = text.find(',', text.find(',') + 1);
      if (std::stoll(text.substr(at + 1)) >= from_us) ++count;
    }
    ::close(log);
    return count <= 4;
  }

  std::string kills(const std::string& cgroup) const {
    return text(
        "SELECT group_concat(source || ' ' || ifnull(victim_pid, '-') || ' ' || ifnull(victim_comm, '-') || ' ' || "
        "ifnull(cause, '-'), '; ') FROM v_oom_kill" +
        where_path(cgroup));
  }
  static std::string logged(const Hungry& victim, const std::string& cause) {
    return "kernel_log " + std::to_string(victim.pid()) + " hungry (1) " + cause;
  }
  std::int64_t kill_count(const std::string& cgroup) const {
    return scan_count() == 0 ? 0 : number("SELECT count(*) FROM v_oom_kill" + where_path(cgroup));
  }
  bool wait_for_kill(const std::string& cgroup, std::int64_t count = 1) const {
    return eventually([&] { return kill_count(cgroup) >= count; });
  }
  /// That a kill is on record, and still is so and alone after the scans that see its counter.
  std::string settled_kills(const std::string& cgroup) const {
    EXPECT_TRUE(wait_for_kill(cgroup));
    EXPECT_TRUE(wait_for_scans(3));
    return kills(cgroup);
  }
};

TEST_F(RealOom, AProcessThatAllocatesPastTheLimit) {
  auto service = start_service();
  Hungry victim(tree().make("web", 64 * kMiB), kFast);
  ASSERT_TRUE(wait_for_scans(2));
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  EXPECT_EQ(settled_kills("web"), logged(victim, "anon_growth"));
  EXPECT_EQ(number("SELECT limit_bytes FROM v_oom_kill" + where_path("web")), std::int64_t{64 * kMiB});
  EXPECT_EQ(number("SELECT usage_bytes FROM v_oom_kill" + where_path("web")), std::int64_t{64 * kMiB})
      << "the kernel's own number at the kill";
  EXPECT_EQ(number("SELECT seen_count FROM oom_kill JOIN cgroup USING (cgroup_id)" + where_path("web")), 1)
      << "the counter has shown it too";
}

TEST_F(RealOom, AProcessThatFillsATmpfs) {
  auto service = start_service();
  Hungry victim(tree().make("web", 64 * kMiB), kFast, Hungry::Kind::shmem);
  ASSERT_TRUE(wait_for_scans(2));
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  EXPECT_EQ(settled_kills("web"), logged(victim, "shmem"));
}

TEST_F(RealOom, AProcessInACgroupWhoseParentsLimitIsHit) {
  auto service = start_service();
  tree().make("pod", 64 * kMiB);
  Hungry victim(tree().make("pod/web"), kFast);
  ASSERT_TRUE(wait_for_scans(2));
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  EXPECT_EQ(settled_kills("pod/web"), logged(victim, "ancestor_limit"));
  EXPECT_EQ(text("SELECT limit_path FROM v_oom_kill" + where_path("pod/web")), tree().path_of("pod"));
  EXPECT_EQ(text("SELECT victim_path FROM v_oom_kill" + where_path("pod/web")), tree().path_of("pod/web"));
}

TEST_F(RealOom, TwoCgroupsWithinTheSameSecond) {
  auto service = start_service();
  Hungry one(tree().make("one", 64 * kMiB), kFast);
  Hungry two(tree().make("two", 64 * kMiB), kFast);
  ASSERT_TRUE(wait_for_scans(2));
  one.feed();
  two.feed();
  ASSERT_TRUE(one.was_killed() && two.was_killed());
  EXPECT_EQ(settled_kills("one"), logged(one, "anon_growth"));
  EXPECT_EQ(settled_kills("two"), logged(two, "anon_growth"));
  EXPECT_LT(number("SELECT max(killed_at_us) - min(killed_at_us) FROM v_oom_kill WHERE path LIKE '" +
                   tree().path_of("") + "%'"),
            1'000'000);
}

TEST_F(RealOom, SeveralInOneCgroupAreAsManyRows) {
  auto service = start_service();
  const auto web = tree().make("web", 64 * kMiB);
  Hungry one(web, kFast), two(web, kFast);
  ASSERT_TRUE(wait_for_scans(2));
  one.feed();
  two.feed();
  ASSERT_TRUE(one.was_killed() && two.was_killed());
  ASSERT_TRUE(wait_for_kill("web", 2));
  ASSERT_TRUE(wait_for_scans(3));
  EXPECT_TRUE(eventually([&] {
    return number("SELECT count(DISTINCT victim_pid) FROM v_oom_kill" + where_path("web")) == 2;
  })) << kills("web");
  EXPECT_EQ(kill_count("web"), 2);
}

/// The kernel names the cgroup of ten kills in five seconds only.
TEST_F(RealOom, OfManyCgroupsAtOnceAreAllOnRecordAndNoneInAWrongOne) {
  constexpr std::size_t kCgroups = 10, kRounds = 3;
  auto service = start_service();
  std::vector<std::unique_ptr<Hungry>> victims;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kCgroups; ++i) tree().make("c" + std::to_string(i), 16 * kMiB);
  ASSERT_TRUE(wait_for_scans(2));
  for (std::size_t round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < kCgroups; ++i) {
      names.push_back("c" + std::to_string(i));
      victims.push_back(std::make_unique<Hungry>(tree().dir() / names.back(), kFast));
      victims.back()->feed();
    }
    for (std::size_t i = 0; i < kCgroups; ++i) ASSERT_TRUE(victims[round * kCgroups + i]->was_killed());
  }
  const auto below = [&] { return number("SELECT count(*) FROM oom_kill WHERE victim_comm = 'hungry (1)'"); };
  ASSERT_TRUE(eventually([&] { return below() >= std::int64_t{kCgroups * kRounds}; }));
  ASSERT_TRUE(eventually([&] { return number("SELECT count(*) FROM oom_kill WHERE cgroup_by IS NULL") == 0; }));
  // A process may have been seen where it was before it moved into its cgroup: that is taken back some seconds later.
  EXPECT_TRUE(eventually([&] { return number("SELECT count(*) FROM oom_kill WHERE source = 'counter'") == 0; }))
      << "no kill is counted twice";
  for (std::size_t i = 0; i < victims.size(); ++i) {
    const std::string pid = std::to_string(victims[i]->pid());
    const std::string right = tree().path_of(names[i]);
    EXPECT_EQ(number("SELECT count(*) FROM v_oom_kill WHERE victim_pid = " + pid), 1);
    EXPECT_EQ(number("SELECT count(*) FROM v_oom_kill WHERE path IS NOT NULL AND path <> '" + right +
                     "' AND victim_pid = " + pid),
              0);
    EXPECT_EQ(
        number("SELECT count(*) FROM v_oom_kill k WHERE victim_pid = " + pid + " AND (path = '" + right +
               "' OR EXISTS (SELECT 1 FROM v_oom_kill_candidate c WHERE c.oom_kill_id = k.oom_kill_id AND c.path = '" +
               right + "'))"),
        1)
        << "of " << right;
  }
}

TEST_F(RealOom, OfAQuietCgroupBesideANoisyOneIsNotTheNoisyOnes) {
  auto service = start_service();
  Hungry quiet(tree().make("quiet", 16 * kMiB), kFast);
  const auto noisy = tree().make("noisy", 16 * kMiB);
  ASSERT_TRUE(wait_for_scans(2));
  for (int i = 0; i < 25; ++i) {
    Hungry one(noisy, kFast);
    one.feed();
    ASSERT_TRUE(one.was_killed());
  }
  quiet.feed();
  ASSERT_TRUE(quiet.was_killed());
  const std::string of_quiet = " FROM v_oom_kill WHERE victim_pid = " + std::to_string(quiet.pid());
  ASSERT_TRUE(eventually([&] { return number("SELECT count(*)" + of_quiet + " AND cgroup_by IS NOT NULL") == 1; }));
  EXPECT_EQ(text("SELECT path" + of_quiet), tree().path_of("quiet")) << text("SELECT cgroup_by" + of_quiet);
  ASSERT_TRUE(eventually([&] { return number("SELECT count(*) FROM oom_kill WHERE cgroup_by IS NULL") == 0; }));
  EXPECT_EQ(number("SELECT count(*) FROM v_oom_kill WHERE path = '" + tree().path_of("quiet") + "'"), 1);
}

TEST_F(RealOom, OfOneThatIsRenamedOrNoLeafForAWhileAreOnRecordOnce) {
  auto service = start_service();
  Hungry victim(tree().make("web", 64 * kMiB), kFast);
  ASSERT_TRUE(wait_for_scans(2));
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  ASSERT_TRUE(wait_for_kill("web"));
  ASSERT_TRUE(wait_for_scans(2));
  for (int i = 0; i < 2; ++i) {
    std::filesystem::rename(tree().dir() / "web", tree().dir() / "renamed");
    ASSERT_TRUE(wait_for_scans(2));
    tree().make("renamed/child");
    ASSERT_TRUE(wait_for_scans(2));
    tree().remove("renamed/child");
    ASSERT_TRUE(wait_for_scans(2));
    std::filesystem::rename(tree().dir() / "renamed", tree().dir() / "web");
    ASSERT_TRUE(wait_for_scans(2));
  }
  EXPECT_EQ(number("SELECT count(*) FROM oom_kill WHERE source = 'counter'"), 0);
  EXPECT_EQ(kill_count("web") + kill_count("renamed"), 1);
}

TEST_F(RealOom, OfAYoungCgroupAreFoundWithoutTheLogAlthoughAnotherCantBeRead) {
  write_config("kernel_log = \"off\"");
  std::string deep = "deep";
  for (int i = 0; i < 70; ++i) deep += "/" + std::to_string(i);
  tree().make(deep);
  tree().make("pods/old");
  auto service = start_service({"--interval", "2s"});
  ASSERT_TRUE(wait_for_scans(2));
  Hungry victim(tree().make("pods/young", 64 * kMiB), kFast);
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  ASSERT_TRUE(wait_for_kill("pods/young"));
  EXPECT_EQ(kill_count("pods/young"), 1);
}

TEST_F(RealOom, ACgroupThatIsGoneAMomentAfterItsKill) {
  auto service = start_service({"--interval", "1h"});
  Hungry victim(tree().make("web", 64 * kMiB), kFast);
  // The one scan of that hour must have seen it.
  ASSERT_TRUE(eventually([&] { return scan_count() == 1; }));
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  tree().remove("web");
  EXPECT_TRUE(wait_for_kill("web"));
  EXPECT_EQ(kills("web"), logged(victim, "anon_growth")) << "by what the kernel said, for no sample shows it";
}

TEST_F(RealOom, AContainerThatNoScanHasSeen) {
  auto service = start_service({"--interval", "1h"});
  ASSERT_TRUE(eventually([&] { return scan_count() == 1; }));
  const std::string container = "kubepods/burstable/pod1f0c2a3b-1111-2222-3333-444455556666/" + std::string(64, 'e');
  Hungry victim(tree().make(container, 64 * kMiB), kFast);
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  tree().remove("kubepods");
  EXPECT_TRUE(wait_for_kill(container));
  EXPECT_EQ(kills(container), logged(victim, "anon_growth"));
  EXPECT_EQ(text("SELECT pod_uid FROM v_oom_kill" + where_path(container)), "1f0c2a3b-1111-2222-3333-444455556666");
}

TEST_F(RealOom, WhileTheServiceWasDownIsFoundInTheLog) {
  Hungry victim(tree().make("web", 64 * kMiB), kFast);
  {
    auto service = start_service();
    ASSERT_TRUE(wait_for_scans(2));
    service.signal(SIGTERM);
    ASSERT_EQ(service.wait_for_exit(), 0);
  }
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  const auto killed_by = std::chrono::system_clock::now().time_since_epoch();
  for (int start = 0; start < 2; ++start) {
    auto service = start_service();
    EXPECT_EQ(settled_kills("web"), logged(victim, "anon_growth")) << "start " << start;
    service.kill();  // what it had read is not read again
  }
  EXPECT_LE(number("SELECT killed_at_us FROM v_oom_kill" + where_path("web")),
            std::chrono::duration_cast<std::chrono::microseconds>(killed_by).count());
}

TEST_F(RealOom, WithoutTheLogIsFoundByTheCounter) {
  write_config("kernel_log = \"off\"");
  auto service = start_service();
  Hungry victim(tree().make("web", 64 * kMiB), 50 * kMiB);
  ASSERT_TRUE(wait_for_scans(2));
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  EXPECT_EQ(settled_kills("web"), "counter - - anon_growth");
  EXPECT_LT(number("SELECT killed_at_us - earliest_at_us FROM v_oom_kill" + where_path("web")), 1'000'000);
}

TEST_F(RealOom, WhileTheServiceWasDownIsFoundByTheCounterWithoutTheLog) {
  write_config("kernel_log = \"off\"");
  Hungry victim(tree().make("web", 64 * kMiB), kFast);
  {
    auto service = start_service();
    ASSERT_TRUE(wait_for_scans(2));
    service.kill();
  }
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  auto service = start_service();
  EXPECT_EQ(settled_kills("web").substr(0, 11), "counter - -");
}

TEST_F(RealOom, TheSecondsBeforeItAreOnRecordAlthoughTheScansAreTenSecondsApart) {
  Hungry victim(tree().make("web", 256 * kMiB), 50 * kMiB);
  auto service = start_service({"--interval", "10s"});
  ASSERT_TRUE(eventually([&] { return scan_count() == 1; }));
  victim.feed();
  ASSERT_TRUE(victim.was_killed());
  EXPECT_TRUE(eventually([&] { return scan_count() > 0 && kills("web") == logged(victim, "anon_growth"); }))
      << kills("web") << ": the counter may be seen before the log";
  const std::string killed_at = "(SELECT killed_at_us FROM v_oom_kill" + where_path("web") + ")";
  EXPECT_GE(number("SELECT count(*) FROM v_sample" + where_path("web") + " AND at_us BETWEEN " + killed_at +
                   " - 5000000 AND " + killed_at),
            3);
  EXPECT_EQ(number("SELECT count(*) FROM scan WHERE is_partial IS NOT 1"), 1)
      << "the scan of all cgroups saw none of it";
  const std::int64_t rate = number("SELECT growth_bytes_per_second FROM v_oom_kill" + where_path("web"));
  EXPECT_GE(rate, std::int64_t{30 * kMiB});
  EXPECT_LE(rate, std::int64_t{60 * kMiB});
}

}  // namespace
}  // namespace cgmm::test
