// SPDX-License-Identifier: Apache-2.0
#include "kernel/hierarchy_lock.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/temp_dir.hpp"

namespace cgmm::kernel {
namespace {

/// Files of a test's own stand in for the kernel's: the lock is the file system's in both.
class HierarchyLockTest : public testing::Test {
 protected:
  HierarchyLockTest() {
    for (const char* const cgroup : {"", "/pods", "/pods/web", "/pods2"}) {
      std::filesystem::create_directories(root() + cgroup);
      std::ofstream(root() + cgroup + "/memory.force_empty");
    }
  }
  std::string root() const { return directory_.path().string(); }
  Hierarchy at(const std::string& parent) const {
    Hierarchy hierarchy;
    hierarchy.real = true;
    hierarchy.root = root();
    hierarchy.parent = root() + parent;
    hierarchy.parent_path = parent;
    return hierarchy;
  }

  test::TempDir directory_;
  HierarchyLock first_, second_;
};

TEST_F(HierarchyLockTest, OneHoldsAParentAndWhatIsAboveAndBelow) {
  ASSERT_TRUE(first_.take(at("/pods")));
  EXPECT_TRUE(first_.take(at("/pods"))) << "it has it already";
  for (const char* const parent : {"", "/pods", "/pods/web"}) EXPECT_FALSE(second_.take(at(parent))) << parent;
  EXPECT_TRUE(second_.take(at("/pods2"))) << "a name that begins the same is another cgroup";
}

TEST_F(HierarchyLockTest, ItIsFreeAgainWithItsHolder) {
  {
    HierarchyLock gone;
    ASSERT_TRUE(gone.take(at("")));
    EXPECT_FALSE(first_.take(at("/pods/web")));
  }
  EXPECT_TRUE(first_.take(at("/pods/web")));
}

TEST_F(HierarchyLockTest, OneThatIsRefusedHoldsNothing) {
  ASSERT_TRUE(first_.take(at("/pods/web")));
  EXPECT_FALSE(second_.take(at("/pods/web")));
  HierarchyLock third;
  EXPECT_TRUE(third.take(at("/pods2")));
  first_ = {};
  EXPECT_FALSE(second_.take(at(""))) << "the third one's";
  third = {};
  EXPECT_TRUE(second_.take(at("")));
}

TEST_F(HierarchyLockTest, WhereNothingCanBeReclaimedNobodyIsKeptOut) {
  Hierarchy copied = at("/pods");
  copied.real = false;
  EXPECT_TRUE(first_.take(copied));
  EXPECT_TRUE(second_.take(copied));
  Hierarchy old_v2 = at("/pods");  // its kernel has no memory.reclaim
  old_v2.version = Version::v2;
  EXPECT_TRUE(first_.take(old_v2));
  EXPECT_TRUE(second_.take(old_v2));
}

}  // namespace
}  // namespace cgmm::kernel
