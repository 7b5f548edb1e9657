// SPDX-License-Identifier: Apache-2.0
// What survives the end of the service, and what must not be taken for the same cgroup.
#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

class RealRestart : public RealTest {
 protected:
  static constexpr auto kLimit = 64 * kMiB;
  static constexpr auto kOver = 32 * kMiB;
};

TEST_F(RealRestart, KilledRightAfterAReclaimItDoesNotReclaimAgainBeforeTheCooldownEnds) {
  Workload web(tree().make("web", kLimit), file("data"), kOver);
  {
    auto service = start_service({"--threshold", "25%", "--cooldown", "5s"});
    ASSERT_TRUE(eventually([&] { return scan_count() > 0 && reclaim_count("web") == 1; }));
    service.kill();
  }
  web.read_again();
  const std::int64_t scans_before = scan_count();

  auto service = start_service({"--threshold", "25%", "--cooldown", "5s"});
  ASSERT_TRUE(eventually([&] { return reclaim_count("web") == 2; })) << "and then it goes on";
  EXPECT_GE(number("SELECT max(started_at_us) - min(started_at_us) FROM reclaim"), 5'000'000);
  EXPECT_GE(number("SELECT count(*) FROM v_sample WHERE scan_id > " + std::to_string(scans_before) +
                   " AND reclaimable_cache_bytes >= 16777216 AND at_us < (SELECT max(started_at_us) FROM reclaim)"),
            2)
      << "it had scans in which only the cooldown held it back";
  EXPECT_EQ(event_count("crash_found"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM reclaim WHERE outcome NOT IN ('done', 'interrupted') AND reclaim_id = 1"), 0);
}

TEST_F(RealRestart, StoppedAndStartedAgainItStillKnowsTheCooldown) {
  Workload web(tree().make("web", kLimit), file("data"), kOver);
  {
    auto service = start_service({"--threshold", "25%", "--cooldown", "1h"});
    ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
    service.signal(SIGTERM);
    ASSERT_EQ(service.wait_for_exit(), 0);
  }
  web.read_again();
  auto service = start_service({"--threshold", "25%", "--cooldown", "1h"});
  ASSERT_TRUE(wait_for_scans(5));
  EXPECT_GE(cache_bytes("web"), std::int64_t{16 * kMiB});
  EXPECT_EQ(reclaim_count("web"), 1);
  EXPECT_EQ(event_count("crash_found"), 0);
}

TEST_F(RealRestart, RemovedAndRecreatedUnderTheSameNameItIsANewCgroup) {
  auto service = start_service({"--threshold", "25%", "--cooldown", "1h"});
  {
    const Workload web(tree().make("web", kLimit), file("data"), kOver);
    ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  }
  tree().remove("web");
  const Workload web(tree().make("web", kLimit), file("data-2"), kOver);
  ASSERT_TRUE(eventually([&] { return finished_reclaim_count("web") == 2; })) << "the cooldown was the old one's";
  EXPECT_EQ(number("SELECT count(DISTINCT cgroup_id) FROM reclaim"), 2);
  EXPECT_EQ(number("SELECT count(DISTINCT inode) FROM cgroup" + where_path("web")), 2);
  EXPECT_EQ(number("SELECT count(*) FROM cgroup" + where_path("web") + " AND vanished_at_us IS NULL"), 1);
}

TEST_F(RealRestart, RecreatedWhileTheServiceWasDownItIsANewCgroupToo) {
  {
    const Workload web(tree().make("web", kLimit), file("data"), kOver);
    auto service = start_service({"--threshold", "25%", "--cooldown", "1h"});
    ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  }
  tree().remove("web");
  const Workload web(tree().make("web", kLimit), file("data-2"), kOver);
  auto service = start_service({"--threshold", "25%", "--cooldown", "1h"});
  ASSERT_TRUE(eventually([&] { return finished_reclaim_count("web") == 2; }));
  EXPECT_EQ(number("SELECT count(DISTINCT cgroup_id) FROM reclaim"), 2);
}

}  // namespace
}  // namespace cgmm::test
