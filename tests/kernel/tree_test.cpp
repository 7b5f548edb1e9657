// SPDX-License-Identifier: Apache-2.0
#include "kernel/tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/fake_cgroups.hpp"

namespace cgmm::kernel {
namespace {

using test::FakeCgroups;

const std::string kId = "3fa91c0000000000000000000000000000000000000000000000000000abcdef";
const std::string kPod = "/kubepods/burstable/pod0f5b1c2d-1111-2222-3333-444455556666";

std::vector<std::string> paths(Tree& tree) {
  std::vector<std::string> result;
  for (const WatchedCgroup& one : tree.walk()) result.push_back(*one.path);
  std::sort(result.begin(), result.end());
  return result;
}

using Paths = std::vector<std::string>;

TEST(Tree, WatchesTheLeavesWhereThereIsNoContainer) {
  FakeCgroups cgroups;
  cgroups.put("/system.slice", test::v1_files({}));
  cgroups.put("/system.slice/a.service", test::v1_files({}));
  cgroups.put("/system.slice/b.service/payload", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()), Watch::automatic);
  EXPECT_EQ(paths(tree), (Paths{"/system.slice/a.service", "/system.slice/b.service/payload"}));
}

TEST(Tree, WatchesContainersWithTheirNestedCgroupsAsOneWhereThereAreAny) {
  FakeCgroups cgroups;
  cgroups.put("/system.slice/a.service", test::v1_files({}));
  cgroups.put(kPod + "/" + kId + "/init", test::v1_files({}));
  cgroups.put(kPod + "/" + kId + "/system.slice/x", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()), Watch::automatic);
  EXPECT_EQ(paths(tree), (Paths{kPod + "/" + kId}));
  EXPECT_EQ(tree.container_of(kPod + "/" + kId).qos_class, "burstable");
}

TEST(Tree, DoesNotFallBackToLeavesWhenTheLastContainerEnds) {
  FakeCgroups cgroups;
  cgroups.put("/system.slice/a.service", test::v1_files({}));
  cgroups.put("/docker/" + kId, test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()), Watch::automatic);
  EXPECT_EQ(paths(tree), (Paths{"/docker/" + kId}));
  cgroups.remove("/docker/" + kId);
  EXPECT_EQ(paths(tree), Paths{});
}

TEST(Tree, WatchesWhatItIsTold) {
  FakeCgroups cgroups;
  cgroups.put("/system.slice/a.service", test::v1_files({}));
  cgroups.put("/docker/" + kId + "/init", test::v1_files({}));
  Tree leaves(open_hierarchy(cgroups.root()), Watch::leaves);
  EXPECT_EQ(paths(leaves), (Paths{"/docker/" + kId + "/init", "/system.slice/a.service"}));
  cgroups.remove("/docker/" + kId);
  Tree containers(open_hierarchy(cgroups.root()), Watch::containers);
  EXPECT_EQ(paths(containers), Paths{});
}

TEST(Tree, SeesCgroupsComeAndGo) {
  FakeCgroups cgroups;
  cgroups.put("/a", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()), Watch::automatic);
  EXPECT_EQ(paths(tree), Paths{"/a"});
  cgroups.put("/b", test::v1_files({}));
  EXPECT_EQ(paths(tree), (Paths{"/a", "/b"}));
  cgroups.remove("/a");
  EXPECT_EQ(paths(tree), Paths{"/b"});
}

TEST(Tree, FollowsARename) {
  FakeCgroups cgroups;
  cgroups.put("/a", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()), Watch::automatic);
  EXPECT_EQ(paths(tree), Paths{"/a"});
  std::filesystem::rename(cgroups.root() + "/a", cgroups.root() + "/b");
  EXPECT_EQ(paths(tree), Paths{"/b"});
}

TEST(Tree, NeverFollowsSymbolicLinks) {
  FakeCgroups cgroups;
  cgroups.put("/a", test::v1_files({}));
  std::filesystem::create_directory_symlink("/", cgroups.root() + "/link");
  Tree tree(open_hierarchy(cgroups.root()), Watch::automatic);
  EXPECT_EQ(paths(tree), Paths{"/a"});
}

TEST(Tree, TakesNamesOfAnyBytes) {
  FakeCgroups cgroups;
  const Paths hostile = {"/\n", "/\"quoted\",'comma'", "/-rf", "/<script>alert(1)<\\script>", "/=1+1", "/\xff\xfe",
                         "/" + std::string(255, 'x')};
  for (const std::string& path : hostile) cgroups.put(path, test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()), Watch::automatic);
  Paths sorted = hostile;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(paths(tree), sorted);
}

TEST(Tree, FindsThousandsInOneDirectory) {
  FakeCgroups cgroups;
  cgroups.put("/pods", test::v1_files({}));
  for (int i = 0; i < 3000; ++i) std::filesystem::create_directory(cgroups.root() + "/pods/" + std::to_string(i));
  Tree tree(open_hierarchy(cgroups.root()), Watch::automatic);
  EXPECT_EQ(paths(tree).size(), 3000U);
}

TEST(Tree, SaysThatTheParentIsGone) {
  FakeCgroups cgroups;
  cgroups.put("/p/a", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root() + "/p"), Watch::automatic);
  cgroups.remove("/p");
  EXPECT_THROW(tree.walk(), std::system_error);
}

}  // namespace
}  // namespace cgmm::kernel
