// SPDX-License-Identifier: Apache-2.0
// Pods on cgroup v2: guest/pods.sh.
#include "support/shown.hpp"
#include "vm/vm.hpp"

namespace cgmm::test {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024, kPageBytes = 4096;

std::string in_mib(std::int64_t bytes) { return std::to_string((bytes + kMiB / 2) / kMiB) + " MiB"; }

class Pods : public VmTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override { use(vm_run("pods_" + GetParam(), GetParam() == "6_1" ? "6.1" : "6.12", "pods")); }

  std::int64_t file_bytes(const std::string& cgroup, const std::string& moment) const {
    return kernel(cgroup, moment).number("memory.stat", "file");
  }
  /// Page cache of the pod beyond its running container, by the kernel.
  std::int64_t left_bytes(const std::string& name, const std::string& moment) const {
    return file_bytes(name + "_pod", moment) - file_bytes(name + "_living", moment);
  }
  std::int64_t refaulted_bytes(const std::string& name, const std::string& moment) const {
    return kernel(name + "_living", moment).number("memory.stat", "workingset_refault_file") * kPageBytes;
  }
  /// What the ended container, and what the running one gave, and what it read back.
  void show_gains(const std::string& name) const {
    show("vm/pods_" + GetParam() + "_" + name,
         name + ": the ended container's cache " + in_mib(left_bytes(name, "before")) + " -> " +
             in_mib(left_bytes(name, "reclaimed")) + ", the running one's " +
             in_mib(file_bytes(name + "_living", "before")) + " -> " +
             in_mib(file_bytes(name + "_living", "reclaimed")) + "; it read back " +
             in_mib(refaulted_bytes(name, "end") - refaulted_bytes(name, "before")));
  }
};
INSTANTIATE_TEST_SUITE_P(Vm, Pods, ::testing::Values("6_1", "6_12"),
                         [](const auto& instance) { return "pods_" + instance.param; });

TEST_P(Pods, EveryWaitOfTheScenarioCameToItsEnd) { EXPECT_EQ(result("failures"), ""); }

TEST_P(Pods, WhatAnEndedContainerHasLeftIsRecordedAsThePodsRemainder) {
  const auto db = history("main");
  for (const std::string name : {"most", "less", "idle"}) {
    const std::int64_t recorded = db.number("SELECT reclaimable_cache_bytes FROM v_sample WHERE path = '" +
                                            cgroups().at(name + "_pod") + "' ORDER BY at_us LIMIT 1");
    EXPECT_TRUE(nearly_equal(recorded, left_bytes(name, "before"), kMiB)) << name;
    EXPECT_EQ(db.text("SELECT kind FROM cgroup WHERE path = '" + cgroups().at(name + "_pod") + "'"), "pod");
  }
}

TEST_P(Pods, ItIsReclaimedAndARunningContainerThatUsesItsFileLosesNothing) {
  const auto db = history("main");
  const std::string of_pod = of(db, "most_pod");
  EXPECT_EQ(db.text("SELECT method || ' ' || outcome || ' ' || stopped_by FROM reclaim" + of_pod),
            "memory.reclaim done target");
  EXPECT_GE(db.number("SELECT freed_bytes FROM reclaim" + of_pod), 60 * kMiB);
  EXPECT_LE(left_bytes("most", "reclaimed"), 34 * kMiB) << "an eighth of the pod's limit is left";
  EXPECT_TRUE(nearly_equal(file_bytes("most_living", "reclaimed"), 24 * kMiB, kMiB));
  EXPECT_EQ(db.text("SELECT verdict FROM v_reclaim" + of_pod), "effective");
  EXPECT_EQ(db.number("SELECT refaulted_bytes FROM v_reclaim" + of_pod), refaulted_bytes("most", "end"));
  show_gains("most");
}

TEST_P(Pods, ARunningContainerThatIsIdleLosesItsShareAndItsRefaultsAreOnRecord) {
  const auto db = history("main");
  const std::string of_pod = of(db, "idle_pod");
  EXPECT_GE(db.number("SELECT freed_bytes FROM reclaim" + of_pod), 60 * kMiB);
  const std::int64_t lost = file_bytes("idle_living", "before") - file_bytes("idle_living", "reclaimed");
  EXPECT_LE(lost * 3, left_bytes("idle", "before") - left_bytes("idle", "reclaimed"))
      << "the ended one had four times as much";
  EXPECT_EQ(db.number("SELECT sum(refault_file_bytes) FROM v_sample" + of(db, "idle_living")),
            refaulted_bytes("idle", "end"));
  EXPECT_EQ(db.number("SELECT refaulted_bytes FROM v_reclaim" + of_pod), refaulted_bytes("idle", "end"))
      << "what was read back in the whole pod";
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim" + of(db, "idle_living")), 0);
  show_gains("idle");
}

TEST_P(Pods, WhereRunningContainersHaveMostOfTheCacheThePodIsNotReclaimed) {
  const auto db = history("main");
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim" + of(db, "less_pod")), 0);
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim" + of(db, "less_living")), 1) << "which is over its own threshold";
  EXPECT_TRUE(nearly_equal(left_bytes("less", "reclaimed"), 40 * kMiB, kMiB));
}

TEST_P(Pods, TasksThatAreThrottledAtMemoryHighAreAnIncident) {
  const auto db = history("limits");
  const std::string of_high = of(db, "high");
  EXPECT_EQ(db.text("SELECT kind || ' ' || ended_by FROM stuck" + of_high), "memory_high over");
  EXPECT_EQ(db.number("SELECT limit_bytes FROM stuck" + of_high), 4 * kMiB);
  EXPECT_GE(db.number("SELECT usage_bytes FROM stuck" + of_high), 24 * kMiB);
  EXPECT_GE(db.number("SELECT last_seen_at_us - began_at_us FROM stuck" + of_high), 60'000'000);
  EXPECT_GE(db.number("SELECT psi_full_us * 2 FROM stuck" + of_high),
            db.number("SELECT last_seen_at_us - began_at_us FROM stuck" + of_high) * 3 / 4);
  EXPECT_GE(db.number("SELECT count(*) FROM sample JOIN scan USING (scan_id)" + of_high + " AND is_partial = 1"), 3)
      << "every second while it lasts";
  EXPECT_NE(result("stuck.txt").find("throttled at memory.high"), std::string::npos) << result("stuck.txt");
}

/// kubernetes#128339
TEST_P(Pods, AKillAtThePodsLimitAddsUpAndNamesWhoseTmpfsItWas) {
  const auto db = history("limits");
  EXPECT_EQ(db.text("SELECT cause || ' ' || source FROM oom_kill" + of(db, "oom_app")), "anon_growth kernel_log");
  EXPECT_EQ(db.text("SELECT limit_path FROM oom_kill"), cgroups().at("oom_pod"));
  const std::int64_t at_kill = db.number("SELECT usage_bytes FROM oom_kill");
  EXPECT_TRUE(nearly_equal(at_kill, 128 * kMiB, kMiB));
  const std::int64_t scan_id = db.number("SELECT max(scan_id) FROM sample" + of(db, "oom_pod") +
                                         " AND scan_id IN (SELECT scan_id FROM scan WHERE started_at_us < "
                                         "(SELECT killed_at_us FROM oom_kill))");
  const auto in_scan = [&](const std::string& column, const std::string& cgroup) {
    return 1024 * db.number("SELECT " + column + " FROM sample" + of(db, cgroup) +
                            " AND scan_id = " + std::to_string(scan_id));
  };
  EXPECT_TRUE(nearly_equal(in_scan("shmem_kib", "oom_pod"), 48 * kMiB, kMiB)) << "the tmpfs is the pod's remainder";
  EXPECT_TRUE(nearly_equal(in_scan("usage_kib", "oom_pod") + in_scan("usage_kib", "oom_app"), at_kill, 12 * kMiB))
      << "a second or two before the kill";
  EXPECT_GE(
      db.number("SELECT count(*) FROM sample JOIN scan USING (scan_id)" + of(db, "oom_pod") + " AND is_partial = 1"), 3)
      << "the pod is sampled every second when it nears its limit";
  const std::string said = result("incident.txt");
  std::string one_line = said;
  for (std::size_t at = 0; (at = one_line.find("\n        ", at)) != std::string::npos;) one_line.replace(at, 9, " ");
  EXPECT_NE(one_line.find("1 running cgroup held "), std::string::npos) << said;
  EXPECT_NE(one_line.find("48.0 MiB of it tmpfs and shared memory."), std::string::npos) << said;
  EXPECT_NE(one_line.find("; in its last sample it had 48.0 MiB of tmpfs and shared memory."), std::string::npos)
      << said;
}

}  // namespace
}  // namespace cgmm::test
