// SPDX-License-Identifier: Apache-2.0
// The manual names every option and command that the program has, and no other.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace cgmm::test {
namespace {

std::string help(const std::string& command) {
  std::string text;
  FILE* const pipe = ::popen(("'" CGMM_PROGRAM "' " + command + " --help").c_str(), "r");
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  ::pclose(pipe);
  return text;
}

std::set<std::string> all_matches(const std::string& text, const char* pattern) {
  const std::regex regex(pattern, std::regex::multiline);
  std::set<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match) {
    found.insert((*match)[1]);
  }
  return found;
}

std::string manual() {
  std::ostringstream text;
  text << std::ifstream(CGMM_SOURCE_DIR "/packaging/cgroup-memory-manager.8").rdbuf();
  return text.str();
}

TEST(Manual, NamesEveryCommandAndNoOther) {
  const std::string text = help("");
  const auto commands = all_matches(text.substr(text.find("Subcommands:")), "^  ([a-z]+) ");
  ASSERT_FALSE(commands.empty()) << text;
  const std::string pages = manual();
  const std::string section =
      pages.substr(pages.find(".Sh COMMANDS"), pages.find(".Sh OPTIONS") - pages.find(".Sh COMMANDS"));
  EXPECT_EQ(all_matches(section, "^\\.It Cm ([a-z]+)$"), commands);
}

TEST(Manual, NamesEveryOptionAndNoOther) {
  std::set<std::string> options;
  for (const char* command : {"", "run", "report", "history", "incident", "status", "check", "query"}) {
    options.merge(all_matches(help(command), "^ +(?:-[a-z],)?--([a-z-]+)"));
  }
  ASSERT_TRUE(options.contains("threshold"));
  std::set<std::string> explained;
  for (const auto& items : all_matches(manual(), "^\\.It (Fl -.*)$")) {
    explained.merge(all_matches(items, "Fl -([a-z-]+)"));
  }
  EXPECT_EQ(explained, options);
}

}  // namespace
}  // namespace cgmm::test
