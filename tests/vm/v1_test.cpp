// SPDX-License-Identifier: Apache-2.0
// What only cgroup v1 does, emptying a cgroup at the cost of its other memory: guest/v1.sh, after its everyday run.
#include "vm/nodes.hpp"
#include "vm/vm.hpp"

namespace cgmm::test {
namespace {

class V1 : public VmTest, public ::testing::WithParamInterface<Node> {
 protected:
  void SetUp() override { use(vm_run(GetParam().name, GetParam().kernel, GetParam().scenario)); }
};

INSTANTIATE_TEST_SUITE_P(Vm, V1, ::testing::Values(kV1On61), [](const auto& instance) { return instance.param.name; });

TEST_P(V1, WhatAReclaimSwappedOutIsOnRecord) {
  const auto db = history("swap");
  const auto swapped = kernel("swapper", "reclaimed").number("memory.stat", "total_swap") -
                       kernel("swapper", "before").number("memory.stat", "total_swap");
  ASSERT_GT(swapped, 10 * kMiB) << "else the scenario is not what it seems";
  EXPECT_TRUE(
      nearly_equal(db.number("SELECT swapped_out_bytes FROM v_reclaim" + of(db, "swapper")), swapped, kStockBytes));
  EXPECT_EQ(db.number("SELECT count(*) FROM v_reclaim" + of(db, "swapper")), 1);
}

TEST_P(V1, CheckWarnsOfSwapWhereThereIsSome) {
  EXPECT_EQ(result("check.txt").find("memory.force_empty may swap"), std::string::npos);
  EXPECT_NE(result("check_swap.txt").find("memory.force_empty may swap"), std::string::npos)
      << result("check_swap.txt");
}

}  // namespace
}  // namespace cgmm::test
