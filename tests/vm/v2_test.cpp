// SPDX-License-Identifier: Apache-2.0
// cgroup v2: guest/v2.sh.
#include "vm/vm.hpp"

namespace cgmm::test {
namespace {

class V2 : public VmTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    const std::string kernel = GetParam();
    use(vm_run("v2_" + kernel, kernel, "v2"));
  }
};

INSTANTIATE_TEST_SUITE_P(Debian, V2, ::testing::Values("6.1", "6.12"), [](const auto& instance) {
  return "kernel_" + (instance.param == "6.1" ? std::string("6_1") : std::string("6_12"));
});

TEST_P(V2, TheGuestGotAllItWaitedFor) { EXPECT_EQ(result("failures"), ""); }

TEST_P(V2, CheckFindsTheHierarchyByItself) {
  EXPECT_NE(result("check.txt").find("cgroup v2 at /sys/fs/cgroup "), std::string::npos) << result("check.txt");
}

}  // namespace
}  // namespace cgmm::test
