// SPDX-License-Identifier: Apache-2.0
// What holds on every hierarchy and kernel: "everyday_run" in guest/lib.sh. Containers with a limit of 64 MiB, the program
// with its defaults.
#include <map>
#include <sstream>
#include <vector>

#include "vm/vm.hpp"

namespace cgmm::test {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kPageBytes = 4096;

// A cgroup's usage counts what each processor (there are two) has set aside for it, up to a batch of 64 pages; another
// cgroup's charge on that processor gives it back, also of a cgroup that is idle.
constexpr std::int64_t kStockBytes = 2 * 64 * kPageBytes;

struct Node {
  std::string name;
  std::string kernel;
  std::string scenario;
  std::string hierarchy;
  std::string parent;
  std::string method;
  // The kernel's names:
  std::string usage;
  std::string file;
  std::string shmem;
  std::string anon;
  std::string refault_file;
};

void PrintTo(const Node& node, std::ostream* out) { *out << node.name; }

const Node kV2On61{.name = "v2_6_1",
                   .kernel = "6.1",
                   .scenario = "v2",
                   .hierarchy = "v2",
                   .parent = "/sys/fs/cgroup/kubepods.slice",
                   .method = "memory.reclaim",
                   .usage = "memory.current",
                   .file = "file",
                   .shmem = "shmem",
                   .anon = "anon",
                   .refault_file = "workingset_refault_file"};
const Node kV2On612 = [] {
  Node node = kV2On61;
  node.name = "v2_6_12";
  node.kernel = "6.12";
  return node;
}();
const Node kV1On61{.name = "v1_6_1",
                   .kernel = "6.1",
                   .scenario = "v1",
                   .hierarchy = "v1",
                   .parent = "/sys/fs/cgroup/memory/kubepods",
                   .method = "force_empty",
                   .usage = "memory.usage_in_bytes",
                   .file = "total_cache",
                   .shmem = "total_shmem",
                   .anon = "total_rss",
                   .refault_file = "total_workingset_refault_file"};

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
  EXPECT_NE(result("check.txt").find("hierarchy      " + found + " "), std::string::npos) << result("check.txt");
  EXPECT_NE(result("main/service.log").find(found + "\n"), std::string::npos) << result("main/service.log");
  EXPECT_EQ(history("main").text("SELECT value FROM node WHERE key = 'hierarchy'"), node().hierarchy);
  EXPECT_EQ(history("main").text("SELECT value FROM node WHERE key = 'parent'"), node().parent);
  EXPECT_TRUE(history("main").text("SELECT value FROM node WHERE key = 'kernel'").starts_with(node().kernel + "."));
}

TEST_P(Everyday, TheContainersAndNothingElseAreWatched) {
  const auto db = history("main");
  EXPECT_EQ(db.number("SELECT count(*) FROM cgroup"), std::ssize(cgroups()));
  for (const auto& [name, path] : cgroups()) {
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
  for (const std::string name : {"served", "streamed", "tmpfs"}) {
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
  for (const std::string name : {"streamed", "served"}) {
    const auto first = [&](const std::string& column) {
      return db.number("SELECT " + column + " FROM reclaim" + of(db, name) + " ORDER BY reclaim_id LIMIT 1");
    };
    const auto before = kernel(name, "before"), after = kernel(name, "reclaimed");
    EXPECT_TRUE(nearly_equal(first("usage_before_bytes"), before.number(node().usage), kStockBytes)) << name;
    EXPECT_TRUE(nearly_equal(first("usage_after_bytes"), after.number(node().usage), kStockBytes)) << name;
    EXPECT_EQ(first("file_before_bytes"), before.number("memory.stat", node().file)) << name;
    // Read right after the reclaim, when a batch a processor may not have been folded into memory.stat yet.
    EXPECT_TRUE(nearly_equal(first("file_after_bytes"), after.number("memory.stat", node().file), kStockBytes)) << name;
    EXPECT_TRUE(nearly_equal(first("freed_bytes"), before.number(node().usage) - after.number(node().usage), kStockBytes)) << name;
    EXPECT_EQ(before.number("memory.stat", node().anon), after.number("memory.stat", node().anon)) << name;
  }
}

TEST_P(Everyday, AStreamedFileIsReclaimedWithTheHierarchysOwnMethod) {
  const auto db = history("main");
  const auto streamed = [&](const std::string& column) {
    return db.text("SELECT " + column + " FROM reclaim" + of(db, "streamed") + " ORDER BY reclaim_id LIMIT 1");
  };
  EXPECT_EQ(streamed("method"), node().method);
  EXPECT_EQ(streamed("outcome"), "done");
  EXPECT_EQ(streamed("threshold_bytes"), std::to_string(16 * kMiB));
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
  if (!v1()) { EXPECT_EQ(end.number("memory.stat", "pgscan"), 0); }
}

TEST_P(Everyday, HotMemoryWithoutCacheIsLeftAlone) {
  const auto db = history("main");
  const auto end = kernel("anon", "end");
  EXPECT_GE(end.number("memory.stat", node().anon), 40 * kMiB);
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim" + of(db, "anon")), 0);
  if (!v1()) { EXPECT_EQ(end.number("memory.stat", "pgsteal"), 0); }
}

}  // namespace
}  // namespace cgmm::test
