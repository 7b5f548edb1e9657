// SPDX-License-Identifier: Apache-2.0
#include "base/words.hpp"

#include <gtest/gtest.h>

namespace cgmm::base {
namespace {

TEST(Counted, PutsTheNounInItsForm) {
  EXPECT_EQ(counted(0, "cgroup"), "0 cgroups");
  EXPECT_EQ(counted(1, "cgroup"), "1 cgroup");
  EXPECT_EQ(counted(2, "other process", "other processes"), "2 other processes");
  EXPECT_EQ(counted(1, "record waits", "records wait"), "1 record waits");
}

TEST(Counted, GroupsLargeNumbers) {
  EXPECT_EQ(counted(9'999, "scan"), "9999 scans");
  EXPECT_EQ(counted(60'433, "scan"), "60 433 scans");
  EXPECT_EQ(grouped(1'234'567), "1 234 567");
  EXPECT_EQ(grouped(-5), "-5");
}

}  // namespace
}  // namespace cgmm::base
