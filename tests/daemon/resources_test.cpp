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

/// Of this process's code, what is in memory. /proc/self/status is not exact where there are many processors.
std::int64_t code_kib() {
  std::ifstream smaps("/proc/self/smaps");
  std::int64_t sum_kib = 0, kib = 0;
  bool is_code = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.find('-') < line.find(' ')) is_code = line.find(" r-xp ") != std::string::npos;  // its addresses
    if (is_code && std::sscanf(line.c_str(), "Rss: %" SCNd64, &kib) == 1) sum_kib += kib;
  }
  return sum_kib;
}

TEST(Resources, CodeThatIsNotUsedAnyMoreIsGivenBack) {
  const std::int64_t before_kib = code_kib();
  give_back_program();
  EXPECT_LT(code_kib(), before_kib - 500);
}

}  // namespace
}  // namespace cgmm::daemon
