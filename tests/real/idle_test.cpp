// SPDX-License-Identifier: Apache-2.0
// The default policy on real page cache: what is idle goes, in doses; what is used stays.
#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

constexpr std::uint64_t kLimit = 128 * kMiB;
constexpr std::uint64_t kOver = 96 * kMiB;

class RealIdle : public RealTest {
 protected:
  /// What a reclaim asked for, the n-th from 1, in percent of the page cache that there was.
  double asked_pct(int n) const {
    return static_cast<double>(
        number("SELECT 100 * requested_bytes / (file_before_bytes - shmem_before_bytes) FROM reclaim ORDER BY "
               "reclaim_id LIMIT 1 OFFSET " +
               std::to_string(n - 1)));
  }
  std::int64_t dose_pct() const { return number("SELECT dose_pct FROM cooldown"); }
};

TEST_F(RealIdle, WhatWasReadOnceGoesInDosesThatGrow) {
  write_config("policy = 'idle'\nthreshold = '25%'\ncooldown = '1s'\nobserve_for = '1s'\n");
  const Workload web(tree().make("web", kLimit), file("data"), kOver);
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 3; }));
  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_NEAR(asked_pct(1), 10, 2);
  EXPECT_NEAR(asked_pct(2), 40, 4);
  EXPECT_NEAR(asked_pct(3), 100, 5) << "all of it";
  EXPECT_EQ(dose_pct(), 100);
  EXPECT_EQ(reclaim_count("web"), 3) << "it is no longer over its threshold";
  EXPECT_EQ(text("SELECT group_concat(DISTINCT verdict) FROM (SELECT verdict FROM v_reclaim ORDER BY reclaim_id LIMIT "
                 "2)"),
            "effective");
}

TEST_F(RealIdle, TheDoseSurvivesAKill) {
  write_config("policy = 'idle'\nthreshold = '25%'\ncooldown = '4s'\nobserve_for = '1s'\n");
  const Workload web(tree().make("web", kLimit), file("data"), kOver);
  {
    auto service = start_service();
    ASSERT_TRUE(eventually([&] { return scan_count() > 0 && dose_pct() == 40; }));
    service.kill();
  }
  EXPECT_EQ(reclaim_count("web"), 1);
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return finished_reclaim_count("web") == 2; }));
  EXPECT_NEAR(asked_pct(2), 40, 4);
  EXPECT_GE(number("SELECT max(started_at_us) - min(started_at_us) FROM reclaim"), 4'000'000);
}

TEST_F(RealIdle, WhatIsUsedAgainAndAgainStays) {
  write_config("policy = 'idle'\nthreshold = '25%'\ncooldown = '1s'\n");
  Workload web(tree().make("web", kLimit), file("data"), kOver);
  for (int i = 0; i < 3; ++i) web.read_again();
  auto service = start_service();
  ASSERT_TRUE(wait_for_scans(10));
  EXPECT_EQ(number("SELECT count(*) FROM reclaim"), 0);
  EXPECT_GE(cache_bytes("web"), std::int64_t{kOver - 2 * kMiB});
}

}  // namespace
}  // namespace cgmm::test
