// SPDX-License-Identifier: Apache-2.0
// What is reclaimed on a real v1 hierarchy, and what is left alone. The limit is 64 MiB throughout, so 25 %
// is 16 MiB.
#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

constexpr auto kLimit = 64 * kMiB;
constexpr auto kOver = 32 * kMiB;
constexpr auto kUnder = 8 * kMiB;

class RealReclaim : public RealTest {};

TEST_F(RealReclaim, ACgroupOverItsThresholdIsReclaimedOnceAndOnlyOnceInACooldown) {
  Workload web(tree().make("web", kLimit), file("data"), kOver);
  auto service = start_service({"--threshold", "25%", "--cooldown", "1h"});
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));

  web.read_again();
  ASSERT_TRUE(wait_for_scans(5));
  EXPECT_GE(cache_bytes("web"), std::int64_t{16 * kMiB}) << "it is over its threshold again";
  EXPECT_EQ(reclaim_count("web"), 1) << "and in its cooldown";

  EXPECT_EQ(text("SELECT outcome FROM reclaim"), "done");
  EXPECT_EQ(text("SELECT method FROM reclaim"), "force_empty");
  EXPECT_EQ(number("SELECT threshold_bytes FROM reclaim"), std::int64_t{16 * kMiB});
  EXPECT_GE(number("SELECT file_before_bytes FROM reclaim"), std::int64_t{kOver - kMiB});
  EXPECT_LE(number("SELECT file_after_bytes FROM reclaim"), std::int64_t{9 * kMiB}) << "half the threshold is to stay";
  EXPECT_GE(number("SELECT file_after_bytes FROM reclaim"), std::int64_t{3 * kMiB});
  EXPECT_GE(number("SELECT freed_bytes FROM reclaim"), std::int64_t{22 * kMiB});
  EXPECT_GT(number("SELECT duration_us FROM reclaim"), 0);
  EXPECT_EQ(number("SELECT until_us - last_reclaim_at_us FROM cooldown"), 3'600'000'000);
}

TEST_F(RealReclaim, ItIsReclaimedAgainWhenItsCooldownHasEnded) {
  Workload web(tree().make("web", kLimit), file("data"), kOver);
  auto service = start_service({"--threshold", "25%", "--cooldown", "1s"});
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  web.read_again();
  ASSERT_TRUE(eventually([&] { return finished_reclaim_count("web") == 2; }));
  EXPECT_GE(number("SELECT max(started_at_us) - min(started_at_us) FROM reclaim"), 1'000'000);
}

TEST_F(RealReclaim, ACgroupBelowItsThresholdIsLeftAlone) {
  const Workload web(tree().make("web", kLimit), file("data"), kUnder);
  auto service = start_service({"--threshold", "25%"});
  ASSERT_TRUE(wait_for_scans(5));
  EXPECT_GE(cache_bytes("web"), std::int64_t{kUnder - kMiB});
  EXPECT_EQ(number("SELECT count(*) FROM reclaim"), 0);
}

TEST_F(RealReclaim, ACgroupFullOfTmpfsIsLeftAlone) {
  const std::filesystem::path shm = "/dev/shm";
  if (!std::filesystem::exists(shm) || !is_in_memory(shm)) {
    GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: /dev/shm is not a tmpfs ***";
  }
  const TempDir in_memory(shm);
  const Workload web(tree().make("web", kLimit), in_memory.path() / "data", kOver);
  auto service = start_service({"--threshold", "25%"});
  ASSERT_TRUE(wait_for_scans(5));
  EXPECT_GE(number("SELECT file_bytes FROM v_sample ORDER BY at_us DESC LIMIT 1"), std::int64_t{kOver - kMiB})
      << "the kernel counts it as cache";
  EXPECT_LT(cache_bytes("web"), std::int64_t{16 * kMiB});
  EXPECT_EQ(number("SELECT count(*) FROM reclaim"), 0);
}

TEST_F(RealReclaim, ADryRunRecordsWhatItWouldDoAndLeavesThePageCacheAlone) {
  const Workload web(tree().make("web", kLimit), file("data"), kOver);
  auto service = start_service({"--threshold", "25%", "--cooldown", "1h", "--dry-run"});
  ASSERT_TRUE(wait_for_scans(5));
  EXPECT_GE(number("SELECT count(*) FROM reclaim WHERE outcome = 'dry_run'"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM reclaim WHERE outcome <> 'dry_run'"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM cooldown"), 0) << "a dry run must not hold back a real one";
  EXPECT_GE(cache_bytes("web"), std::int64_t{kOver - kMiB});
}

TEST_F(RealReclaim, TheFirstRuleThatMatchesDecides) {
  const Workload web(tree().make("web", kLimit), file("web"), kOver);
  const Workload db(tree().make("db", kLimit), file("db"), kOver);
  const Workload batch(tree().make("batch", kLimit), file("batch"), kUnder);
  write_config(R"(
    threshold = "90%"
    [[rule]]
    cgroup = "*/web"
    threshold = "25%"
    [[rule]]
    cgroup = "*/batch"
    threshold = "4Mi"
    [[rule]]
    cgroup = "*"
    threshold = "1Mi"
    reclaim = false
  )");
  auto service = start_service();
  ASSERT_TRUE(eventually(
      [&] { return scan_count() > 0 && finished_reclaim_count("web") == 1 && finished_reclaim_count("batch") == 1; }));
  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_EQ(reclaim_count("db"), 0);
  EXPECT_GE(cache_bytes("db"), std::int64_t{kOver - kMiB});
}

}  // namespace
}  // namespace cgmm::test
