// SPDX-License-Identifier: Apache-2.0
// Which cgroups the program makes the kernel reclaim, how often, and what it puts on record.
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Reclaiming : public CliTest, public ::testing::WithParamInterface<Kind> {
 protected:
  void remove_history() {
    for (const char* const end : {"", "-wal", "-shm"}) std::filesystem::remove(database().string() + end);
  }
  void put(const std::string& path, const FakeMemory& memory) { cgroups().put(path, files_of(GetParam(), memory)); }
  std::string lever() const { return lever_of(GetParam()); }
  bool was_reclaimed(const std::string& path) { return !cgroups().file(path, lever()).empty(); }
  void forget(const std::string& path) { cgroups().put_file(path, lever(), ""); }
  /// Another directory under the same name; the old one is kept elsewhere so that its inode is not given
  /// again.
  void recreate(const std::string& path, const FakeMemory& memory) {
    std::filesystem::rename(cgroups().root() + path, file("removed"));
    put(path, memory);
  }
};

INSTANTIATE_TEST_SUITE_P(Fake, Reclaiming, ::testing::Values(Kind::v1, Kind::v2, Kind::minimal_v1),
                         [](const auto& test) { return name_of(test.param); });

TEST_P(Reclaiming, ACgroupOverItsThresholdIsReclaimedAndOneBelowIsNot) {
  put("/over", kOver);
  put("/below", kBelow);
  scan();
  EXPECT_TRUE(was_reclaimed("/over"));
  EXPECT_FALSE(was_reclaimed("/below"));
  EXPECT_EQ(reclaim_count(), 1);
  EXPECT_EQ(text("SELECT path FROM v_reclaim"), "/over");
  // A tree that only looks like v1 tells by its usage that nothing is freed.
  EXPECT_EQ(text("SELECT outcome FROM v_reclaim"), GetParam() == Kind::v1 ? "partial" : "done");
  EXPECT_EQ(number("SELECT threshold_bytes FROM reclaim"), std::int64_t{25 * kMiB});
  EXPECT_EQ(number("SELECT count(*) FROM sample"), 2);
}

TEST_P(Reclaiming, WithThePolicyIdleAFirstDoseIsAskedFor) {
  write_config("policy = 'idle'\ncooldown = '1h'\n");
  FakeMemory over = kOver;
  over.active_bytes = 0;
  put("/over", over);
  scan(1);
  EXPECT_EQ(number("SELECT count(*) FROM reclaim"), 0) << "what is used is known after two scans";
  scan(2);
  EXPECT_EQ(number("SELECT requested_bytes FROM reclaim"), std::int64_t{60 * kMiB * 10 / 100});
  EXPECT_EQ(number("SELECT dose_pct FROM cooldown"), 2) << "in a fake tree nothing is freed: that was futile";
}

TEST_P(Reclaiming, TheFirstStartSaysWhatIsAboutToBeReclaimed) {
  write_config("policy = 'idle'\ncooldown = '1h'\n");
  FakeMemory over = kOver;
  over.active_bytes = 0;
  put("/over", over);
  put("/below", kBelow);
  const std::string first =
      "first start, with an empty history: 1 cgroup is over its threshold now; the first reclaims ";
  const std::string said = scan(1).err;
  EXPECT_NE(said.find(first + "may begin after the next scan, in "), std::string::npos) << said;
  EXPECT_NE(said.find(", and take up to 6.0 MiB of page cache"), std::string::npos) << said;
  EXPECT_NE(said.find("to only record, set dry_run = true"), std::string::npos) << said;
  EXPECT_EQ(scan(1).err.find("first start"), std::string::npos) << "there is a history";

  remove_history();
  const std::string dry = scan(1, {"--dry-run"}).err;
  EXPECT_NE(dry.find(first + "would take up to 6.0 MiB of page cache (dry run)"), std::string::npos) << dry;
  EXPECT_EQ(dry.find("to only record"), std::string::npos) << dry;

  remove_history();
  write_config("policy = 'idle'\nreclaim_scope = 'containers'\n");
  const std::string none = scan(1).err;
  EXPECT_NE(none.find("no cgroup is over its threshold now: nothing is to be reclaimed yet"), std::string::npos)
      << none;
}

TEST_P(Reclaiming, WhatIsOverHalfTheThresholdIsAskedFor) {
  put("/over", kOver);
  scan();
  const std::string asked = cgroups().file("/over", lever());
  if (GetParam() == Kind::v2) {
    EXPECT_TRUE(asked.ends_with(" swappiness=0")) << asked;
    EXPECT_GT(number("SELECT step_count FROM reclaim"), 1);
  } else {
    EXPECT_EQ(asked, "1");
  }
  EXPECT_EQ(text("SELECT method FROM reclaim"), GetParam() == Kind::v2 ? "memory.reclaim" : "force_empty");
  EXPECT_EQ(number("SELECT requested_bytes FROM reclaim"), 49807360);
}

TEST_P(Reclaiming, V1IsAskedForEverythingAtOnceWithTheRustProgramsPolicy) {
  write_config("policy = 'rust'\n");
  put("/over", kOver);
  scan();
  EXPECT_EQ(text("SELECT outcome FROM reclaim"), "done");
  EXPECT_EQ(number("SELECT requested_bytes IS NULL FROM reclaim"), GetParam() == Kind::v2 ? 0 : 1);
  EXPECT_EQ(number("SELECT step_count = 1 FROM reclaim"), GetParam() == Kind::v2 ? 0 : 1);
  EXPECT_EQ(number("SELECT count(*) FROM cooldown WHERE strikes > 0"), 0) << "it learns nothing";
}

TEST_P(Reclaiming, ADryRunOfTheRustProgramsPolicyWouldTakeAllTheCache) {
  write_config("policy = 'rust'\n");
  put("/over", kOver);
  scan(1, {"--dry-run"});
  EXPECT_EQ(number("SELECT requested_bytes = file_before_bytes - coalesce(shmem_before_bytes, 0) FROM reclaim"), 1);
}

TEST_P(Reclaiming, TmpfsIsNotReclaimedBecauseItCannotBeDropped) {
  put("/tmpfs", {.file_bytes = 60 * kMiB, .shmem_bytes = 50 * kMiB});
  scan();
  EXPECT_FALSE(was_reclaimed("/tmpfs"));
  EXPECT_EQ(reclaim_count(), 0);
}

TEST_P(Reclaiming, ItHappensOnceInManyScansOfACooldown) {
  put("/over", kOver);
  scan(/*cycles=*/4);
  EXPECT_EQ(reclaim_count(), 1);
  EXPECT_EQ(scan_count(), 4);
}

TEST_P(Reclaiming, ASecondRunWithinTheCooldownLeavesTheCgroupAlone) {
  put("/over", kOver);
  scan();
  ASSERT_TRUE(was_reclaimed("/over"));
  forget("/over");
  scan();
  EXPECT_FALSE(was_reclaimed("/over"));
  EXPECT_EQ(reclaim_count(), 1);
  EXPECT_EQ(scan_count(), 2);

  scan(1, {"--cooldown", "0"});
  EXPECT_TRUE(was_reclaimed("/over")) << "it was the cooldown that held it back";
  EXPECT_EQ(reclaim_count(), 2);
}

TEST_P(Reclaiming, AfterAnotherRunsCooldownHasEndedItIsReclaimedAgain) {
  put("/over", kOver);
  scan(1, {"--cooldown", "1s"});
  forget("/over");
  auto service = start({"--cooldown", "1s"});
  ASSERT_TRUE(eventually([&] { return was_reclaimed("/over"); }));
  service.signal(SIGTERM);
  ASSERT_EQ(service.wait_for_exit(), 0);
  EXPECT_GE(number("SELECT max(started_at_us) - min(started_at_us) FROM reclaim"), 1'000'000);
}

TEST_P(Reclaiming, KilledRightAfterAReclaimAndStartedAgainItDoesNotReclaimAgain) {
  put("/over", kOver);
  {
    auto service = start();
    ASSERT_TRUE(eventually([&] { return was_reclaimed("/over"); }));
    service.kill();
  }
  forget("/over");
  scan();
  EXPECT_FALSE(was_reclaimed("/over"));
  EXPECT_EQ(reclaim_count(), 1);
  EXPECT_EQ(number("SELECT count(*) FROM reclaim WHERE outcome = 'started'"), 0);
  EXPECT_EQ(event_count("crash_found"), 1);
}

TEST_P(Reclaiming, RecreatedBetweenTwoRunsItIsANewCgroup) {
  put("/over", kOver);
  scan();
  recreate("/over", kOver);
  scan();
  EXPECT_TRUE(was_reclaimed("/over")) << "the cooldown was the old one's";
  EXPECT_EQ(number("SELECT count(DISTINCT cgroup_id) FROM reclaim"), 2);
  EXPECT_EQ(number("SELECT count(DISTINCT inode) FROM cgroup WHERE path = '/over'"), 2);
  EXPECT_EQ(number("SELECT inode FROM cgroup WHERE vanished_at_us IS NULL"),
            static_cast<std::int64_t>(cgroups().inode("/over")));
}

TEST_P(Reclaiming, RecreatedWhileTheServiceRunsItIsANewCgroupToo) {
  put("/over", kOver);
  auto service = start();
  ASSERT_TRUE(eventually([&] { return was_reclaimed("/over") && scan_count() > 0; }));
  recreate("/over", kOver);
  EXPECT_TRUE(eventually([&] { return was_reclaimed("/over"); })) << "the cooldown was the old one's";
  service.signal(SIGTERM);
  ASSERT_EQ(service.wait_for_exit(), 0);
  EXPECT_EQ(number("SELECT count(DISTINCT cgroup_id) FROM reclaim"), 2);
}

TEST_P(Reclaiming, ADryRunRecordsWhatItWouldDoAndDoesNothing) {
  put("/over", kOver);
  const Answer dry = scan(/*cycles=*/3, {"--dry-run"});
  EXPECT_FALSE(was_reclaimed("/over"));
  EXPECT_EQ(reclaim_count(), 1);
  EXPECT_EQ(number("SELECT requested_bytes FROM reclaim"), 49807360) << "what it would ask for";
  EXPECT_NE(dry.err.find("would reclaim 47.5 MiB from /over: cache "), std::string::npos) << dry.err;
  EXPECT_EQ(text("SELECT outcome FROM reclaim"), "dry_run");
  EXPECT_EQ(number("SELECT count(*) FROM cooldown"), 0);

  scan();
  EXPECT_TRUE(was_reclaimed("/over")) << "a dry run leaves no cooldown behind";
}

TEST_P(Reclaiming, ARuleThatForbidsItIsObeyed) {
  write_config("threshold = '25%'\n[[rule]]\ncgroup = '/kept*'\nreclaim = false\n");
  put("/kept", kOver);
  put("/over", kOver);
  scan();
  EXPECT_FALSE(was_reclaimed("/kept"));
  EXPECT_TRUE(was_reclaimed("/over"));
}

TEST_P(Reclaiming, AKernelWithoutTheFileIsOnlyRecorded) {
  put("/over", kOver);
  cgroups().remove_file("/over", lever());
  const Answer answer = scan(/*cycles=*/3);
  EXPECT_EQ(reclaim_count(), 0);
  EXPECT_EQ(number("SELECT count(*) FROM sample"), 3);
  EXPECT_EQ(event_count("fault_begin"), 1);
  EXPECT_NE(answer.err.find("/over/" + lever() + " is not there"), std::string::npos) << answer.err;
  EXPECT_FALSE(std::filesystem::exists(cgroups().root() + "/over/" + lever()));
}

}  // namespace
}  // namespace cgmm::test
