// SPDX-License-Identifier: Apache-2.0
// systemd's hybrid hierarchy: guest/hybrid.sh.
#include "vm/vm.hpp"

namespace cgmm::test {
namespace {

class Hybrid : public VmTest {
 protected:
  void SetUp() override { use(vm_run("hybrid_6_1", "6.1", "hybrid")); }
};

TEST_F(Hybrid, TheMemoryHierarchyIsFoundBesideAV2TreeWithoutMemory) {
  ASSERT_EQ(result("failures"), "");
  ASSERT_EQ(result("unified.controllers").find("memory"), std::string::npos) << result("unified.controllers");
  const std::string found = "cgroup v1 at /sys/fs/cgroup/memory";
  EXPECT_NE(result("check.txt").find("," + found + ","), std::string::npos) << result("check.txt");
  EXPECT_NE(result("main/service.log").find(found + "\n"), std::string::npos) << result("main/service.log");
  EXPECT_EQ(history("main").text("SELECT value FROM node WHERE key = 'hierarchy'"), "v1");
}

TEST_F(Hybrid, ACgroupIsReclaimedThere) {
  const auto db = history("main");
  EXPECT_EQ(db.text("SELECT method || ' ' || outcome FROM reclaim" + of(db, "streamed")), "force_empty done");
  EXPECT_GE(kernel("streamed", "before").number("memory.stat", "total_cache"), 40 * 1024 * 1024);
  EXPECT_LE(kernel("streamed", "reclaimed").number("memory.stat", "total_cache"), 8 * 1024 * 1024)
      << "half the threshold";
}

}  // namespace
}  // namespace cgmm::test
