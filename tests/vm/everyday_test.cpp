// SPDX-License-Identifier: Apache-2.0
// What holds on every hierarchy and kernel: "everyday_run" in guest/lib.sh. Containers with a limit of 64
// MiB, the program with its defaults.
#include "vm/nodes.hpp"
#include "vm/vm.hpp"

namespace cgmm::test {
namespace {

class Everyday : public VmTest, public ::testing::WithParamInterface<Node> {
 protected:
  void SetUp() override { use(vm_run(node().name, node().kernel, node().scenario)); }

  static const Node& node() { return GetParam(); }
  bool v1() const { return node().hierarchy == "v1"; }
};

INSTANTIATE_TEST_SUITE_P(Vm, Everyday, ::testing::Values(kV2On61, kV2On612, kV1On61),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(Everyday, TheScenarioGotAllItWaitedFor) { EXPECT_EQ(result("failures"), ""); }

TEST_P(Everyday, TheHierarchyIsFoundWithoutAnyOption) {
  const std::string found = "cgroup " + node().hierarchy + " at " + node().parent;
  EXPECT_NE(result("check.txt").find("," + found + ","), std::string::npos) << result("check.txt");
  EXPECT_NE(result("main/service.log").find(found + "/kubepods"), std::string::npos) << result("main/service.log");
  EXPECT_EQ(history("main").text("SELECT value FROM node WHERE key = 'hierarchy'"), node().hierarchy);
  EXPECT_TRUE(
      history("main").text("SELECT value FROM node WHERE key = 'parent'").starts_with(node().parent + "/kubepods"));
  EXPECT_TRUE(history("main").text("SELECT value FROM node WHERE key = 'kernel'").starts_with(node().kernel + "."));
}

TEST_P(Everyday, TheContainersAndNothingElseAreWatched) {
  const auto db = history("main");
  const std::vector<std::string> containers{"streamed", "served", "bare", "looping", "tmpfs", "anon"};
  EXPECT_EQ(db.number("SELECT count(*) FROM cgroup WHERE kind = 'container'"), std::ssize(containers));
  for (const std::string& name : containers) {
    const std::string path = cgroups().at(name);
    EXPECT_EQ(db.text("SELECT qos_class FROM cgroup WHERE path = '" + path + "'"), "burstable") << name;
    EXPECT_EQ(db.number("SELECT length(container_id) FROM cgroup WHERE path = '" + path + "'"), 64) << name;
    EXPECT_EQ(db.number("SELECT effective_limit_bytes FROM cgroup_limit" + of(db, name)), 64 * kMiB) << name;
  }
}

TEST_P(Everyday, TheServiceEndsInGoodOrderWithoutAFault) {
  const auto db = history("main");
  EXPECT_EQ(result("main/exit_status"), "0\n");
  EXPECT_EQ(db.number("SELECT count(*) FROM service_event WHERE kind LIKE '%fault%' OR kind LIKE '%error%'"), 0);
  EXPECT_EQ(db.number("SELECT sum(error_count) FROM scan"), 0);
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim WHERE outcome = 'started'"), 0);
}

TEST_P(Everyday, TheLastSampleHasTheKernelsOwnNumbers) {
  const auto db = history("main");
  for (const std::string name : {"streamed", "served", "bare", "tmpfs"}) {
    const auto last = [&](const std::string& column) {
      return 1024 * db.number("SELECT " + column + " FROM sample" + of(db, name) + " ORDER BY scan_id DESC LIMIT 1");
    };
    const auto end = kernel(name, "end");
    EXPECT_EQ(last("file_kib"), end.number("memory.stat", node().file)) << name;
    EXPECT_EQ(last("shmem_kib"), end.number("memory.stat", node().shmem)) << name;
    EXPECT_EQ(last("anon_kib"), end.number("memory.stat", node().anon)) << name;
    EXPECT_TRUE(nearly_equal(last("usage_kib"), end.number(node().usage), kStockBytes)) << name;
  }
}

TEST_P(Everyday, OnlyTheReclaimableCacheOfTheIdleIsFreedAndItsAmountIsTheKernels) {
  const auto db = history("main");
  for (const std::string name : {"streamed", "served", "bare"}) {
    const auto first = [&](const std::string& column) {
      return db.number("SELECT " + column + " FROM reclaim" + of(db, name) + " ORDER BY reclaim_id LIMIT 1");
    };
    const auto before = kernel(name, "before"), after = kernel(name, "reclaimed");
    EXPECT_TRUE(nearly_equal(first("usage_before_bytes"), before.number(node().usage), kStockBytes)) << name;
    EXPECT_TRUE(nearly_equal(first("usage_after_bytes"), after.number(node().usage), kStockBytes)) << name;
    EXPECT_EQ(first("file_before_bytes"), before.number("memory.stat", node().file)) << name;
    // Read right after the reclaim, when a batch a processor may not have been folded into memory.stat yet.
    EXPECT_TRUE(nearly_equal(first("file_after_bytes"), after.number("memory.stat", node().file), kStockBytes)) << name;
    EXPECT_TRUE(
        nearly_equal(first("freed_bytes"), before.number(node().usage) - after.number(node().usage), kStockBytes))
        << name;
    EXPECT_EQ(before.number("memory.stat", node().anon), after.number("memory.stat", node().anon)) << name;
  }
}

TEST_P(Everyday, AStreamedFileIsReclaimedDownToTheTargetAndStaysAway) {
  const auto db = history("main");
  const auto streamed = [&](const std::string& column) {
    return db.number("SELECT " + column + " FROM v_reclaim" + of(db, "streamed"));
  };
  EXPECT_EQ(db.text("SELECT method || ' ' || outcome || ' ' || stopped_by FROM reclaim" + of(db, "streamed")),
            node().method + " done target");
  EXPECT_EQ(streamed("count(*)"), 1);
  EXPECT_EQ(streamed("threshold_bytes"), 16 * kMiB);
  EXPECT_EQ(streamed("file_before_bytes - requested_bytes"), 8 * kMiB) << "half the threshold is to stay";
  EXPECT_LE(kernel("streamed", "reclaimed").number("memory.stat", node().file), 8 * kMiB);
  EXPECT_GE(kernel("streamed", "reclaimed").number("memory.stat", node().file), (v1() ? 4 : 6) * kMiB)
      << "and not far below";
  if (node().kernel == "6.12") {
    EXPECT_EQ(kernel("streamed", "reclaimed").number("memory.stat", node().file), 8 * kMiB) << "6.1 frees more";
  }

  EXPECT_EQ(db.text("SELECT verdict || ' ' || judged_by || ' ' || effect_ended_by FROM v_reclaim" + of(db, "streamed")),
            "effective refaults observe_for");
  EXPECT_EQ(streamed("refaulted_bytes"), 0);
  EXPECT_LE(streamed("regrown_bytes"), 0);
  EXPECT_GE(streamed("observed_for_us"), 20'000'000);
  const std::int64_t held = streamed("freed_bytes * (observed_for_us / 1000) / 1000");
  EXPECT_TRUE(nearly_equal(streamed("held_byte_seconds"), held, held / 50)) << "all of it, all the time";
  EXPECT_EQ(db.number("SELECT strikes FROM cooldown" + of(db, "streamed")), 0);
  EXPECT_EQ(db.number("SELECT until_us - last_reclaim_at_us FROM cooldown" + of(db, "streamed")), 5'000'000);
}

TEST_P(Everyday, AFileReadRightBackIsChurnByTheKernelsOwnCountAndDoublesTheCooldown) {
  const auto db = history("main");
  const auto refaults = [&](const std::string& moment) {
    return kernel("served", moment).number("memory.stat", node().refault_file);
  };
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim" + of(db, "served")), 1);
  EXPECT_EQ(db.text("SELECT verdict || ' ' || judged_by || ' ' || effect_ended_by FROM v_reclaim" + of(db, "served")),
            "churn refaults observe_for");
  EXPECT_EQ(db.number("SELECT refaulted_bytes FROM v_reclaim" + of(db, "served")),
            (refaults("reread") - refaults("reclaimed")) * kPageBytes);
  EXPECT_EQ(refaults("end"), refaults("reread")) << "else the scenario is not what it seems";
  EXPECT_EQ(db.number("SELECT strikes FROM cooldown" + of(db, "served")), 1);
  EXPECT_EQ(db.number("SELECT until_us - last_reclaim_at_us FROM cooldown" + of(db, "served")), 240'000'000);
}

TEST_P(Everyday, AFileReadInALoopIsReclaimedLessAndLess) {
  const auto db = history("main");
  const std::string looping = " FROM v_reclaim" + of(db, "looping");
  const auto reclaims = db.number("SELECT count(*)" + looping),
             churns = db.number("SELECT sum(verdict = 'churn')" + looping);
  EXPECT_GE(reclaims, 2);
  EXPECT_GE(churns, reclaims - 1) << "of the last one it may not be known yet";
  EXPECT_EQ(db.text("SELECT effect_ended_by" + looping + " ORDER BY reclaim_id"), "next_reclaim");

  std::int64_t cooldown_us = 5'000'000;
  for (std::int64_t i = 1; i < reclaims; ++i) {
    cooldown_us *= 2;
    EXPECT_GE(db.number("SELECT started_at_us - lag(started_at_us) OVER (ORDER BY reclaim_id)" + looping +
                        " ORDER BY reclaim_id LIMIT 1 OFFSET " + std::to_string(i)),
              cooldown_us)
        << "between reclaim " << i << " and the next";
  }
  EXPECT_EQ(db.number("SELECT strikes FROM cooldown" + of(db, "looping")), churns);
  EXPECT_EQ(db.number("SELECT until_us - last_reclaim_at_us FROM cooldown" + of(db, "looping")), 5'000'000 << churns);
}

// The kernel remembers evicted pages for eight times what a cgroup still holds: here, its rest of cache is enough.
TEST_P(Everyday, OfACgroupWithNothingButCacheTheKernelKnowsWhatItEvicted) {
  const auto db = history("main");
  const auto refaulted = kernel("bare", "end").number("memory.stat", node().refault_file) * kPageBytes;
  EXPECT_EQ(db.number("SELECT refaulted_bytes FROM v_reclaim" + of(db, "bare")), refaulted);
  EXPECT_GE(db.number("SELECT regrown_bytes FROM v_reclaim" + of(db, "bare")), 30 * kMiB);
  EXPECT_GE(refaulted, 30 * kMiB);
  EXPECT_EQ(db.text("SELECT verdict FROM v_reclaim" + of(db, "bare")), "churn");
}

TEST_P(Everyday, RefaultsAreOnRecordToThePage) {
  const auto db = history("main");
  const auto refaults = kernel("served", "end").number("memory.stat", node().refault_file);
  EXPECT_GT(refaults, 0);
  EXPECT_EQ(db.number("SELECT sum(refault_file) FROM sample" + of(db, "served")), refaults);
}

TEST_P(Everyday, TmpfsIsCountedAsCacheByTheKernelAndLeftAlone) {
  const auto db = history("main");
  const auto end = kernel("tmpfs", "end");
  EXPECT_EQ(end.number("memory.stat", node().file), 40 * kMiB);
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim" + of(db, "tmpfs")), 0);
  EXPECT_EQ(db.number("SELECT max(reclaimable_cache_bytes) FROM v_sample" + of(db, "tmpfs")), 0);
  if (!v1()) {
    EXPECT_EQ(end.number("memory.stat", "pgscan"), 0);
  }
}

TEST_P(Everyday, HotMemoryWithoutCacheIsLeftAlone) {
  const auto db = history("main");
  const auto end = kernel("anon", "end");
  EXPECT_GE(end.number("memory.stat", node().anon), 40 * kMiB);
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim" + of(db, "anon")), 0);
  if (!v1()) {
    EXPECT_EQ(end.number("memory.stat", "pgsteal"), 0);
  }
}

}  // namespace
}  // namespace cgmm::test
