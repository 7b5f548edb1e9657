// SPDX-License-Identifier: Apache-2.0
#include "daemon/resources.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>

namespace cgmm::daemon {
namespace {

/// Of this process's memory, what is clean pages of files.
std::int64_t file_kib() {
  std::ifstream status("/proc/self/status");
  std::string key;
  for (std::int64_t kib = 0; status >> key;) {
    if (key == "RssFile:" && status >> kib) return kib;
  }
  return 0;
}

TEST(Resources, CodeThatIsNotUsedAnyMoreIsGivenBack) {
  const std::int64_t before_kib = file_kib();
  give_back_program();
  EXPECT_LT(file_kib(), before_kib - 500);
}

}  // namespace
}  // namespace cgmm::daemon
