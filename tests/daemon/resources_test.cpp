// SPDX-License-Identifier: Apache-2.0
#include "daemon/resources.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace cgmm::daemon {
namespace {

std::string mapping(const std::string& range, const std::string& may, const std::string& file, int anonymous_kb,
                    int swap_kb) {
  return range + " " + may + " 00000000 fe:00 " + (file.empty() ? "0" : "1234") + "        " + file +
         "\nSize:      8 kB\nRss:      8 kB\nPrivate_Dirty:      0 kB\nAnonymous:      " +
         std::to_string(anonymous_kb) + " kB\nAnonHugePages:      0 kB\nSwap:      " + std::to_string(swap_kb) +
         " kB\nSwapPss:      0 kB\nVmFlags: rd mr\n";
}

std::vector<Mapping> unwritten(const std::string& smaps) {
  std::istringstream text(smaps);
  return unwritten_mappings(text);
}

TEST(UnwrittenMappings, AreOfFilesAndCantBeWrittenTo) {
  EXPECT_EQ(unwritten(mapping("1000-3000", "r-xp", "/lib/libm.so.6", 0, 0) +
                      mapping("3000-4000", "r--p", "/lib/libm.so.6", 0, 0)),
            (std::vector<Mapping>{{0x1000, 0x3000}, {0x3000, 0x4000}}));
  EXPECT_EQ(unwritten(mapping("1000-3000", "rw-p", "/lib/libm.so.6", 0, 0)), std::vector<Mapping>{});
  EXPECT_EQ(unwritten(mapping("1000-3000", "r--s", "/var/lib/history.db-shm", 0, 0)), std::vector<Mapping>{});
  EXPECT_EQ(unwritten(mapping("1000-3000", "r--p", "", 0, 0)), std::vector<Mapping>{});
}

TEST(UnwrittenMappings, HaveNoPageOfTheirOwnNeitherHereNorSwappedOut) {
  EXPECT_EQ(unwritten(mapping("1000-3000", "r--p", "/lib/libm.so.6", 4, 0)), std::vector<Mapping>{});
  EXPECT_EQ(unwritten(mapping("1000-3000", "r--p", "/lib/libm.so.6", 0, 4)), std::vector<Mapping>{});
}

TEST(GiveBackMemory, LeavesEverythingUsable) {
  give_back_memory();
  std::ostringstream text;
  text << std::hex << 255 << ' ' << 1.5;
  EXPECT_EQ(text.str(), "ff 1.5");
}

}  // namespace
}  // namespace cgmm::daemon
