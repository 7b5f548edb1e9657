// SPDX-License-Identifier: Apache-2.0
// The manual names every option and command that the program has, and no other.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "packaging/help.hpp"
#include "support/program.hpp"

namespace cgmm::test {
namespace {

std::string manual() { return content_of(CGMM_SOURCE_DIR "/packaging/cgroup-memory-manager.8"); }

TEST(Manual, NamesEveryCommandAndNoOther) {
  const std::string pages = manual();
  const std::string section =
      pages.substr(pages.find(".Sh COMMANDS"), pages.find(".Sh OPTIONS") - pages.find(".Sh COMMANDS"));
  EXPECT_EQ(all_matches(section, "^\\.It Cm ([a-z]+)$"), commands());
}

TEST(Manual, NamesEveryOptionAndNoOther) {
  std::set<std::string> explained;
  for (const auto& items : all_matches(manual(), "^\\.It (Fl -.*)$")) {
    explained.merge(all_matches(items, "Fl -([a-z-]+)"));
  }
  EXPECT_EQ(explained, options_of_all_commands());
}

}  // namespace
}  // namespace cgmm::test
