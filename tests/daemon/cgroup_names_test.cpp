// SPDX-License-Identifier: Apache-2.0
#include "daemon/cgroup_names.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cgmm::daemon {
namespace {

const std::string kPod = "/kubepods/burstable/pod0f5b1c2d-1111-2222-3333-444455556666";
const std::string kPath = kPod + "/" + std::string(64, 'a');

core::NamedCgroup named(const std::string& path, core::ContainerNames names) {
  return {.id = {path, 1}, .container = {}, .names = std::move(names)};
}

TEST(CgroupNames, AreShortIdsUntilTheNameIsKnownAndAgainWhenItIsForgotten) {
  CgroupNames names;
  EXPECT_EQ(names.of(kPath), "aaaaaaaaaaaa (pod 0f5b1c2d)");
  EXPECT_EQ(names.of("/docker/" + std::string(64, 'b')), "docker bbbbbbbbbbbb");
  names.learn(std::vector{named(kPath, {"shop", "web-7d9c5b8f6d-x2x4z", ""})});
  EXPECT_EQ(names.of(kPath), "shop/web-7d9c5b8f6d-x2x4z/aaaaaaaaaaaa");
  names.learn(std::vector{named(kPath, {"shop", "web-7d9c5b8f6d-x2x4z", "app"})});
  EXPECT_EQ(names.of(kPath), "shop/web-7d9c5b8f6d-x2x4z/app");
  names.forget(kPath);
  EXPECT_EQ(names.of(kPath), "aaaaaaaaaaaa (pod 0f5b1c2d)");
}

TEST(CgroupNames, ArePathsOutsideOfContainersAndSafeForATerminal) {
  const CgroupNames names;
  EXPECT_EQ(names.of("/system.slice/cron.service"), "/system.slice/cron.service");
  EXPECT_EQ(names.of("/a\x1b[31m\n"), "/a\\x1b[31m\\n");
}

}  // namespace
}  // namespace cgmm::daemon
