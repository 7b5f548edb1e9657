// SPDX-License-Identifier: Apache-2.0
// The completions name every option and command that the program has, and bash offers them.
#include <gtest/gtest.h>

#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "packaging/help.hpp"
#include "support/program.hpp"

namespace cgmm::test {
namespace {

const std::string kDirectory = CGMM_SOURCE_DIR "/packaging/completions/";

/// What bash offers for a line that ends where the next character would be typed.
std::set<std::string> offered_by_bash(const std::string& line) {
  const std::string script = ". '" + kDirectory + "cgmm.bash'; compopt() { :; }; COMP_WORDS=(" + line +
                             (line.ends_with(' ') ? "''" : "") +
                             "); COMP_WORDS[0]='" CGMM_PROGRAM
                             "'; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _cgmm; printf '%s\\n' \"${COMPREPLY[@]}\"";
  std::istringstream words(output_of("bash -c '" + escaped_for_shell(script) + "'"));
  return {std::istream_iterator<std::string>(words), {}};
}

TEST(Completions, NameEveryOption) {
  for (const char* file : {"cgmm.bash", "_cgmm"}) {
    const auto named = all_matches(content_of(kDirectory + file), "--([a-z-]+)");
    for (const std::string& option : options_of_all_commands())
      EXPECT_TRUE(named.contains(option)) << file << ": " << option;
  }
  const auto named = all_matches(content_of(kDirectory + "cgmm.fish"), "complete .*-l ([a-z-]+)");
  EXPECT_EQ(named, options_of_all_commands()) << "cgmm.fish";
}

TEST(Completions, NameEveryCommand) {
  for (const char* file : {"cgmm.bash", "_cgmm", "cgmm.fish"}) {
    const auto words = all_matches(content_of(kDirectory + file), "\\b([a-z]+)\\b");
    for (const std::string& command : commands()) EXPECT_TRUE(words.contains(command)) << file << ": " << command;
  }
}

TEST(Completions, BashOffersWhatEachCommandTakesAndNothingElse) {
  for (const std::string& command : commands()) {
    std::set<std::string> expected;
    for (const std::string& option : options_of(command)) expected.insert("--" + option);
    EXPECT_EQ(offered_by_bash("cgmm " + command + " --"), expected) << command;
  }
}

TEST(Completions, BashOffersTheCommandsTheReportsAndTheFormats) {
  const auto first = offered_by_bash("cgmm ");
  for (const std::string& command : commands()) EXPECT_TRUE(first.contains(command)) << command;
  const auto reports = offered_by_bash("cgmm report ");
  EXPECT_TRUE(reports.contains("summary") && reports.contains("oom_kills")) << "of " << reports.size();
  EXPECT_FALSE(reports.contains("name")) << "the heading of the list";
  EXPECT_EQ(offered_by_bash("cgmm status --format "),
            (std::set<std::string>{"csv", "html", "json", "markdown", "text"}));
  EXPECT_TRUE(offered_by_bash("cgmm incident show ").contains("latest"));
}

}  // namespace
}  // namespace cgmm::test
