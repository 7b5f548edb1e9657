// SPDX-License-Identifier: Apache-2.0
#include "kernel/tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/container.hpp"
#include "core/records.hpp"
#include "support/fake_cgroups.hpp"

namespace cgmm::kernel {
namespace {

using test::FakeCgroups;

const std::string kId = "3fa91c0000000000000000000000000000000000000000000000000000abcdef";
const std::string kPod = "/kubepods/burstable/pod0f5b1c2d-1111-2222-3333-444455556666";

/// Without those that are above others.
std::vector<std::string> paths(Tree& tree) {
  std::vector<std::string> result;
  for (const FoundCgroup& one : tree.walk().cgroups) {
    if (one.kind == core::CgroupKind::container || one.kind == core::CgroupKind::leaf)
      result.push_back(one.path.string());
  }
  std::sort(result.begin(), result.end());
  return result;
}

using Paths = std::vector<std::string>;

TEST(Tree, WatchesTheLeavesWhereThereIsNoContainer) {
  FakeCgroups cgroups;
  cgroups.put("/system.slice", test::v1_files({}));
  cgroups.put("/system.slice/a.service", test::v1_files({}));
  cgroups.put("/system.slice/b.service/payload", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()));
  EXPECT_EQ(paths(tree), (Paths{"/system.slice/a.service", "/system.slice/b.service/payload"}));
}

TEST(Tree, WatchesAContainerWithItsNestedCgroupsAsOne) {
  FakeCgroups cgroups;
  cgroups.put(kPod + "/" + kId + "/init", test::v1_files({}));
  cgroups.put(kPod + "/" + kId + "/system.slice/x", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()));
  EXPECT_EQ(paths(tree), (Paths{kPod + "/" + kId}));
  EXPECT_EQ(core::identity_of(kPod + "/" + kId, 0).qos_class, "burstable");
}

/// A user with rootless containers can make one at any time, and more.
TEST(Tree, AContainerThatSomebodyMakesKeepsNobodyElseOut) {
  FakeCgroups cgroups;
  cgroups.put("/system.slice/a.service", test::v1_files({}));
  cgroups.put("/user.slice/b.scope", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()));
  EXPECT_EQ(paths(tree), (Paths{"/system.slice/a.service", "/user.slice/b.scope"}));
  const std::string made = "/user.slice/docker-" + kId + ".scope";
  cgroups.put(made, test::v1_files({}));
  EXPECT_EQ(paths(tree), (Paths{"/system.slice/a.service", "/user.slice/b.scope", made}));
  Tree fresh(open_hierarchy(cgroups.root()));
  EXPECT_EQ(paths(fresh), paths(tree)) << "after a restart neither";
  cgroups.remove(made);
  EXPECT_EQ(paths(tree), (Paths{"/system.slice/a.service", "/user.slice/b.scope"}));
}

/// "/path kind depth", with "part" where something below it was not found.
Paths in_order(Tree& tree) {
  Paths result;
  for (const FoundCgroup& one : tree.walk().cgroups) {
    result.push_back(one.path.string() + " " + std::string(core::to_string(one.kind)) + " " +
                     std::to_string(one.depth) + (one.is_whole ? "" : " part"));
  }
  return result;
}

TEST(Tree, FindsTheDirectoriesAboveOthersAfterThese) {
  FakeCgroups cgroups;
  cgroups.put(kPod + "/" + kId, test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()));
  EXPECT_EQ(in_order(tree), (Paths{kPod + "/" + kId + " container 4", kPod + " pod 3", "/kubepods/burstable inner 2",
                                   "/kubepods inner 1"}));
  cgroups.remove(kPod + "/" + kId);
  EXPECT_EQ(in_order(tree), (Paths{kPod + " pod 3", "/kubepods/burstable inner 2", "/kubepods inner 1"}))
      << "a pod whose containers have ended is still one";
}

TEST(Tree, SaysWhereSomethingBelowIsMissing) {
  FakeCgroups cgroups;
  for (const char* const path : {"/a/1", "/b/1", "/b/2", "/b/3"}) cgroups.put(path, test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()), 5);
  tree.walk();
  for (const FoundCgroup& one : tree.walk().cgroups)
    EXPECT_EQ(one.is_whole, one.path.string() != "/b") << one.path.string();
}

TEST(Tree, SeesCgroupsComeAndGo) {
  FakeCgroups cgroups;
  cgroups.put("/a", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()));
  EXPECT_EQ(paths(tree), Paths{"/a"});
  cgroups.put("/b", test::v1_files({}));
  EXPECT_EQ(paths(tree), (Paths{"/a", "/b"}));
  cgroups.remove("/a");
  EXPECT_EQ(paths(tree), Paths{"/b"});
}

TEST(Tree, FollowsARename) {
  FakeCgroups cgroups;
  cgroups.put("/a", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()));
  EXPECT_EQ(paths(tree), Paths{"/a"});
  std::filesystem::rename(cgroups.root() + "/a", cgroups.root() + "/b");
  EXPECT_EQ(paths(tree), Paths{"/b"});
}

TEST(Tree, NeverFollowsSymbolicLinks) {
  FakeCgroups cgroups;
  cgroups.put("/a", test::v1_files({}));
  std::filesystem::create_directory_symlink("/", cgroups.root() + "/link");
  Tree tree(open_hierarchy(cgroups.root()));
  EXPECT_EQ(paths(tree), Paths{"/a"});
}

TEST(Tree, TakesNamesOfAnyBytes) {
  FakeCgroups cgroups;
  const Paths hostile = {"/\n",       "/\"quoted\",'comma'",      "/-rf", "/<script>alert(1)<\\script>", "/=1+1",
                         "/\xff\xfe", "/" + std::string(255, 'x')};
  for (const std::string& path : hostile) cgroups.put(path, test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()));
  Paths sorted = hostile;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(paths(tree), sorted);
}

TEST(Tree, GoesNoDeeperThan64LevelsAndSaysSo) {
  FakeCgroups cgroups;
  std::string path;
  for (int i = 0; i < 70; ++i) path += "/d";
  cgroups.put(path, test::v1_files({}));
  cgroups.put("/a", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root()));
  EXPECT_EQ(paths(tree), Paths{"/a"});
  EXPECT_EQ(tree.walk().error_count, 1);
  EXPECT_TRUE(tree.walk().first_error.ends_with("/d: File name too long")) << tree.walk().first_error;
}

TEST(Tree, FindsThousandsInOneDirectory) {
  FakeCgroups cgroups;
  cgroups.put("/pods", test::v1_files({}));
  for (int i = 0; i < 3000; ++i) std::filesystem::create_directory(cgroups.root() + "/pods/" + std::to_string(i));
  Tree tree(open_hierarchy(cgroups.root()));
  EXPECT_EQ(paths(tree).size(), 3000U);
}

/// What is remembered stays in its bounds, whatever there is.
class TreeBound : public testing::Test {
 protected:
  static constexpr std::size_t kMax = 100;
  static constexpr std::size_t kOthers = 75;                    // than containers
  static constexpr std::size_t kRemembered = 2 * (kMax + 128);  // those to watch, and others
  static constexpr std::size_t kPathBytes = 512;

  void make(const std::string& path) { std::filesystem::create_directories(cgroups_.root() + path); }
  Tree tree() {
    if (!std::filesystem::exists(cgroups_.root() + "/memory.usage_in_bytes")) cgroups_.put("", test::v1_files({}));
    return Tree(open_hierarchy(cgroups_.root()), kMax);
  }

  FakeCgroups cgroups_;
};

TEST_F(TreeBound, ThoseThatAreWatchedStayAndAPlaceThatGetsFreeIsTaken) {
  for (std::size_t i = 0; i < kOthers; ++i) make("/old" + std::to_string(i));
  Tree one = tree();
  const Paths first = paths(one);
  EXPECT_EQ(first.size(), kOthers);
  EXPECT_EQ(one.walk().left_out_count, 0);
  for (int i = 0; i < 300; ++i) make("/new" + std::to_string(i));
  EXPECT_EQ(paths(one), first);
  EXPECT_EQ(one.walk().left_out_count, 300);
  EXPECT_EQ(paths(one), first);
  EXPECT_LE(one.remembered_count(), kRemembered);
  cgroups_.remove("/old7");
  EXPECT_EQ(paths(one).size(), kOthers - 1) << "its place is free from the next walk on";
  EXPECT_EQ(paths(one).size(), kOthers);
  EXPECT_EQ(one.walk().left_out_count, 299);
}

TEST_F(TreeBound, ManyTimesAsManyAreWalkedWithoutBeingRemembered) {
  for (std::size_t i = 0; i < 20 * kMax; ++i) make("/pods/" + std::to_string(i));
  Tree one = tree();
  for (int walks = 0; walks < 3; ++walks) {
    EXPECT_GE(paths(one).size(), kOthers - 1) << "and perhaps /pods";
    EXPECT_LE(one.remembered_count(), kRemembered);
  }
  EXPECT_EQ(one.walk().left_out_count, static_cast<std::int64_t>(20 * kMax + 1 - kOthers));
}

TEST_F(TreeBound, OtherDirectoriesKeepNoContainerOut) {
  for (std::size_t i = 0; i < 10 * kMax; ++i) make("/a/" + std::to_string(i));
  make("/z" + kPod + "/" + kId);
  Tree one = tree();
  for (int walks = 0; walks < 3; ++walks) {
    const Paths found = paths(one);
    EXPECT_GE(found.size(), kOthers - 5 + 1) << "a quarter of the places is for containers";
    EXPECT_EQ(found.back(), "/z" + kPod + "/" + kId);
    EXPECT_EQ(one.walk().left_out_count, static_cast<std::int64_t>(10 * kMax - kOthers + 5)) << "and those above them";
  }
}

TEST_F(TreeBound, AFloodBelowOneDirectoryKeepsNobodyElseOut) {
  for (std::size_t i = 0; i < 10 * kMax; ++i) make("/flood/deep/" + std::to_string(i));
  Tree one = tree();
  EXPECT_EQ(paths(one).size(), kOthers);
  EXPECT_EQ(one.walk().crowd, "/flood/deep");
  EXPECT_GE(one.walk().crowd_count, static_cast<std::int64_t>(10 * kMax - kOthers));
  Paths others;
  for (int i = 10; i < 40; ++i) others.push_back("/services/" + std::to_string(i));
  for (const std::string& path : others) make(path);
  for (int walks = 0; walks < 3; ++walks) paths(one);
  const Paths found = paths(one);
  EXPECT_GE(found.size(), kOthers - 3) << "and those above them";
  EXPECT_TRUE(std::ranges::includes(found, others)) << "they have what they want, the flood has the rest";
  EXPECT_EQ(paths(one), found) << "and all stay";
  EXPECT_EQ(one.walk().crowd, "/flood/deep");
}

TEST_F(TreeBound, FloodsAndWhatIsInADirectoryItselfHaveTheSame) {
  for (std::size_t i = 0; i < 3 * kMax; ++i) {
    make("/a/" + std::to_string(i));
    make("/b/x" + std::to_string(i) + "/y");
    make("/c" + std::to_string(i));
  }
  Tree one = tree();
  for (int walks = 0; walks < 4; ++walks) paths(one);
  std::map<char, int> counts;
  for (const std::string& path : paths(one)) ++counts[path[1]];
  EXPECT_GE(counts['a'], 24);
  EXPECT_GE(counts['b'], 12);
  EXPECT_GE(counts['c'], 24);
}

TEST_F(TreeBound, LongPathsTakeNoMoreThanTheirShare) {
  std::string deep;
  for (int i = 0; i < 15; ++i) deep += "/" + std::string(250, static_cast<char>('a' + i));
  for (int i = 0; i < 200; ++i) make(deep + "/" + std::to_string(i));
  Tree one = tree();
  const std::size_t watched = paths(one).size();
  EXPECT_GE(watched, 25U);
  EXPECT_LT(watched, 35U) << "3.8 KB each";
  EXPECT_GE(one.walk().left_out_count, 200 - static_cast<std::int64_t>(watched));
  EXPECT_LE(one.remembered_bytes(), kRemembered * kPathBytes);
  cgroups_.remove(deep + "/7");
  for (int walks = 0; walks < 3; ++walks) paths(one);
  EXPECT_LE(one.remembered_bytes(), kRemembered * kPathBytes);
}

TEST_F(TreeBound, ALowerOneHoldsFromTheNextWalkOn) {
  for (std::size_t i = 0; i < kOthers; ++i) make("/" + std::to_string(i));
  Tree one = tree();
  EXPECT_EQ(paths(one).size(), kOthers);
  one.set_max_cgroups(10);
  EXPECT_LE(paths(one).size(), 10U);
  EXPECT_GE(one.walk().left_out_count, 65);
  one.set_max_cgroups(kMax);
  EXPECT_EQ(paths(one).size(), kOthers);
}

TEST(Tree, KeepsWhatItKnowsOverAParentThatCantBeReadForAWhile) {
  FakeCgroups cgroups;
  for (const char* name : {"/p/a", "/p/b", "/p/c"}) cgroups.put(name, test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root() + "/p"), 2);
  const Paths first = paths(tree);
  std::filesystem::rename(cgroups.root() + "/p", cgroups.root() + "/q");
  for (int i = 0; i < 3; ++i) EXPECT_THROW(tree.walk(), std::system_error);
  std::filesystem::rename(cgroups.root() + "/q", cgroups.root() + "/p");
  EXPECT_EQ(paths(tree), first);
}

TEST(Tree, SaysThatTheParentIsGone) {
  FakeCgroups cgroups;
  cgroups.put("/p/a", test::v1_files({}));
  Tree tree(open_hierarchy(cgroups.root() + "/p"));
  cgroups.remove("/p");
  EXPECT_THROW(tree.walk(), std::system_error);
}

}  // namespace
}  // namespace cgmm::kernel
