// SPDX-License-Identifier: Apache-2.0
// What becomes of a reclaim on a real v1 hierarchy, and what its cooldown learns from that. The limit is 64 MiB
// throughout, so 25 % is 16 MiB.
#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

constexpr auto kLimit = 64 * kMiB;
constexpr auto kOver = 40 * kMiB;

class RealEffect : public RealTest {
 protected:
  void SetUp() override {
    RealTest::SetUp();
    if (IsSkipped()) return;
    write_config("observe_for = \"4s\"\ncooldown = \"2s\"\n");
  }
  /// The kernel's own counter, of a cgroup without children.
  std::uint64_t refaults_by_the_kernel(const std::string& cgroup) {
    std::ifstream stat(tree().dir() / cgroup / "memory.stat");
    std::uint64_t pages = 0;
    std::uint64_t value = 0;
    for (std::string key; stat >> key >> value;) {
      if (key == "workingset_refault_file" || key == "workingset_refault_anon") pages += value;
    }
    return pages;
  }
  bool wait_for_end_of_watch() const {
    return eventually([&] { return number("SELECT count(*) FROM reclaim_effect WHERE ended_by IS NOT NULL") > 0; });
  }
};

TEST_F(RealEffect, WhatIsReadOnceAndNeverAgainWasReclaimedToEffect) {
  const Workload web(tree().make("web", kLimit), file("data"), kOver);
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  ASSERT_TRUE(wait_for_end_of_watch());
  EXPECT_EQ(text("SELECT verdict FROM v_reclaim"), "effective");
  EXPECT_EQ(text("SELECT judged_by FROM v_reclaim"), "refaults");
  EXPECT_EQ(text("SELECT effect_ended_by FROM v_reclaim"), "observe_for");
  EXPECT_EQ(number("SELECT refaulted_bytes FROM v_reclaim"), 0);
  EXPECT_GE(number("SELECT observed_for_us FROM v_reclaim"), 4'000'000);
  EXPECT_GE(number("SELECT held_byte_seconds FROM v_reclaim"), std::int64_t{4 * (kOver - kLimit / 8 - 2 * kMiB)});
  EXPECT_EQ(number("SELECT strikes FROM cooldown"), 0);
}

TEST_F(RealEffect, WhatIsReadAgainIsChurnWithTheKernelsOwnCountAndDoublesTheCooldown) {
  Workload web(tree().make("web", kLimit), file("data"), kOver);
  const std::uint64_t at_first = refaults_by_the_kernel("web");  // the workload may have had to read itself again
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  const std::uint64_t before = refaults_by_the_kernel("web");
  web.read_again();
  const std::uint64_t after = refaults_by_the_kernel("web");
  ASSERT_GE((after - before) * 4096, kOver / 2) << "the kernel counts what was read again";
  ASSERT_TRUE(eventually([&] { return number("SELECT strikes FROM cooldown") == 1; }));
  EXPECT_EQ(number("SELECT until_us - last_reclaim_at_us FROM cooldown"), 4'000'000) << "twice 2 s";
  ASSERT_TRUE(wait_for_end_of_watch());
  EXPECT_EQ(text("SELECT verdict FROM v_reclaim ORDER BY reclaim_id"), "churn");
  EXPECT_EQ(number("SELECT refaulted_bytes FROM v_reclaim ORDER BY reclaim_id"),
            static_cast<std::int64_t>((after - before) * 4096));
  EXPECT_EQ(number("SELECT sum(refault_file) + sum(refault_anon) FROM sample"),
            static_cast<std::int64_t>(after - at_first));

  ASSERT_TRUE(eventually([&] { return reclaim_count("web") == 2; })) << "it is over its threshold all the time";
  EXPECT_GE(number("SELECT max(started_at_us) - min(started_at_us) FROM reclaim"), 4'000'000);
}

TEST_F(RealEffect, StrikesSurviveARestart) {
  write_config("observe_for = \"4s\"\ncooldown = \"1h\"\nmax_cooldown = \"1d\"\n");
  Workload web(tree().make("web", kLimit), file("data"), kOver);
  {
    auto service = start_service();
    ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
    web.read_again();
    ASSERT_TRUE(eventually([&] { return number("SELECT strikes FROM cooldown") == 1; }));
    service.kill();
  }
  auto service = start_service();
  ASSERT_TRUE(wait_for_scans(3));
  EXPECT_EQ(text("SELECT verdict || ' ' || effect_ended_by FROM v_reclaim"), "churn stop");
  EXPECT_EQ(number("SELECT until_us - last_reclaim_at_us FROM cooldown"), 7'200'000'000);
  EXPECT_EQ(number("SELECT strikes FROM cooldown"), 1);
  EXPECT_EQ(reclaim_count("web"), 1);
}

TEST_F(RealEffect, ARenamedCgroupKeepsItsCooldown) {
  write_config("cooldown = \"1h\"\n");
  Workload web(tree().make("web", kLimit), file("data"), kOver);
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  std::filesystem::rename(tree().dir() / "web", tree().dir() / "renamed");
  web.read_again();
  ASSERT_TRUE(eventually([&] { return number("SELECT count(*) FROM cgroup WHERE path LIKE '%/renamed'") == 1; }));
  ASSERT_TRUE(wait_for_scans(4));
  EXPECT_EQ(number("SELECT count(*) FROM reclaim"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM cooldown JOIN cgroup USING (cgroup_id) WHERE path LIKE '%/renamed' "
                   "AND until_us - last_reclaim_at_us >= 3600000000"),
            1);
  std::filesystem::rename(tree().dir() / "renamed", tree().dir() / "web");
}

TEST_F(RealEffect, NotAdaptiveItKeepsTheCooldownOfTheConfiguration) {
  write_config("observe_for = \"4s\"\ncooldown = \"1h\"\nadaptive = false\n");
  Workload web(tree().make("web", kLimit), file("data"), kOver);
  auto service = start_service();
  ASSERT_TRUE(eventually([&] { return scan_count() > 0 && finished_reclaim_count("web") == 1; }));
  web.read_again();
  ASSERT_TRUE(wait_for_end_of_watch());
  EXPECT_EQ(text("SELECT verdict FROM v_reclaim"), "churn");
  EXPECT_EQ(number("SELECT strikes FROM cooldown"), 0);
  EXPECT_EQ(number("SELECT until_us - last_reclaim_at_us FROM cooldown"), 3'600'000'000);
}

}  // namespace
}  // namespace cgmm::test
