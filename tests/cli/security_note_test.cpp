// SPDX-License-Identifier: Apache-2.0
// docs/security.md and docs/promises.md name a test for what they say: there has to be one.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "support/program.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

/// "Suite.Name" of every test in the source tree.
std::set<std::string> all_tests() {
  std::set<std::string> tests;
  const std::regex test(R"(TEST(?:_F|_P)?\((\w+),\s*(\w+)\))");
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(CGMM_SOURCE_DIR) / "tests")) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string source = content_of(entry.path());
    for (std::sregex_iterator found(source.begin(), source.end(), test), end; found != end; ++found) {
      tests.insert((*found)[1].str() + "." + (*found)[2].str());
    }
  }
  return tests;
}

void expect_tests_that_exist(const char* document) {
  const std::set<std::string> tests = all_tests();
  const std::string note = content_of(fs::path(CGMM_SOURCE_DIR) / "docs" / document);
  const std::regex named("`([A-Z]\\w+\\.\\w*)(\\*|\\.\\.\\.)?`");
  int count = 0;
  for (std::sregex_iterator found(note.begin(), note.end(), named), end; found != end; ++found, ++count) {
    const std::string name = (*found)[1];
    const auto at = tests.lower_bound(name);
    const bool whole = !(*found)[2].matched;
    EXPECT_TRUE(at != tests.end() && (whole ? *at == name : at->starts_with(name))) << document << ": " << (*found)[0];
  }
  EXPECT_GT(count, 25);
}

TEST(SecurityNote, NamesTestsThatExist) { expect_tests_that_exist("security.md"); }
TEST(Promises, NameTestsThatExist) { expect_tests_that_exist("promises.md"); }

}  // namespace
}  // namespace cgmm::test
