// SPDX-License-Identifier: Apache-2.0
#include "daemon/resources.hpp"

#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace cgmm::daemon {
namespace {

/// Of the parts of this program with these rights, what is in memory. /proc/self/status is not exact where there are
/// many processors.
std::int64_t mapped_kib(const std::string& rights) {
  std::ifstream smaps("/proc/self/smaps");
  std::int64_t sum_kib = 0, kib = 0;
  bool is_part = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.find('-') < line.find(' ')) is_part = line.find(rights) != std::string::npos;  // its addresses
    if (is_part && std::sscanf(line.c_str(), "Rss: %" SCNd64, &kib) == 1) sum_kib += kib;
  }
  return sum_kib;
}

TEST(Resources, CodeAndConstantsThatAreNotUsedAnyMoreAreGivenBack) {
  const std::int64_t code_before_kib = mapped_kib(" r-xp "), constants_before_kib = mapped_kib(" r--p ");
  give_back_program();
  EXPECT_LT(mapped_kib(" r-xp "), code_before_kib - 500);
  EXPECT_LT(mapped_kib(" r--p "), constants_before_kib - 500);
}

}  // namespace
}  // namespace cgmm::daemon
