// SPDX-License-Identifier: Apache-2.0
#include "core/inventory.hpp"

#include <gtest/gtest.h>

namespace cgmm::core {
namespace {

TEST(Inventory, CountsContainersByRuntimeAndPodsAndWhatIsInNone) {
  Inventory inventory;
  EXPECT_EQ(inventory.to_string(), "0 containers, 0 services and sessions, 0 directories above them");
  for (const char* const pod : {"a", "a", "b"})
    inventory.add(CgroupKind::container, {.runtime = "containerd", .container_id = "1", .pod_uid = pod});
  inventory.add(CgroupKind::container, {.runtime = "docker", .container_id = "2"});
  inventory.add(CgroupKind::container, {.container_id = "3"});
  inventory.add(CgroupKind::pod, {.pod_uid = "a"});
  inventory.add(CgroupKind::inner, {});
  inventory.add(CgroupKind::leaf, {});
  EXPECT_EQ(inventory.to_string(),
            "5 containers (3 of containerd in 2 pods, 1 whose path names no runtime, 1 of docker), 1 service or "
            "session, 2 directories above them");
}

}  // namespace
}  // namespace cgmm::core
