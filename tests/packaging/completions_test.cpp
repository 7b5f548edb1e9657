// SPDX-License-Identifier: Apache-2.0
// The completions name every option and command that the program has, and bash offers them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "packaging/help.hpp"
#include "support/program.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::test {
namespace {

const std::string kDirectory = CGMM_SOURCE_DIR "/packaging/completions/";

/// What bash offers for a line that ends where the next character would be typed.
std::set<std::string> offered_by_bash(const std::string& line, const std::string& program = CGMM_PROGRAM) {
  const std::string script = ". '" + kDirectory + "cgmm.bash'; compopt() { :; }; COMP_WORDS=(" + line +
                             (line.ends_with(' ') ? "''" : "") + "); COMP_WORDS[0]='" + program +
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
  std::set<std::string> all = commands();
  for (const std::string& command : commands()) all.merge(commands_of(command));
  EXPECT_TRUE(all.contains("fleet report"));
  for (const std::string& command : all) {
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
  EXPECT_EQ(offered_by_bash("cgmm status --format "),
            (std::set<std::string>{"csv", "html", "json", "markdown", "ndjson", "text"}));
  EXPECT_TRUE(offered_by_bash("cgmm incident show ").contains("latest"));
  EXPECT_TRUE(offered_by_bash("cgmm fleet ").contains("report"));
  EXPECT_TRUE(offered_by_bash("cgmm fleet report ").contains("nodes"));
}

/// A program that answers `complete WHAT` with words of a made-up history.
TEST(Completions, BashOffersWorkloadsAndKills) {
  const TempDir directory;
  const std::string program = (directory.path() / "cgmm").string();
  std::ofstream(program) << "#!/bin/sh\n[ \"$1\" = complete ] || exit 1\ncase $2 in\n"
                            "  workloads) echo shop/web/app ;;\n  kills) echo 16; echo s1 ;;\nesac\n";
  std::filesystem::permissions(program, std::filesystem::perms(0755));
  EXPECT_EQ(offered_by_bash("cgmm history ", program), (std::set<std::string>{"backup", "shop/web/app"}));
  EXPECT_EQ(offered_by_bash("cgmm history sh", program), std::set<std::string>{"shop/web/app"});
  EXPECT_EQ(offered_by_bash("cgmm report --cgroup ", program), std::set<std::string>{"shop/web/app"});
  EXPECT_EQ(offered_by_bash("cgmm incident show ", program), (std::set<std::string>{"16", "latest", "s1"}));
}

TEST(Completions, BashOffersNothingOfAHistoryThatIsNotThere) {
  EXPECT_EQ(output_of("'" CGMM_PROGRAM "' complete kills --database /no/such/history.db 2>&1; echo $?"), "0\n");
}

/// Names of reports that somebody else chose: a file in `reports_dir` needs no special owner.
class HostileReports : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(bin_.path() / "cgmm") << R"(#!/bin/sh
cat <<'END'
summary
$(touch ran)
`touch ran`
${x:=$(touch ran)}
a b
two words
-rf
a;touch ran
*
END
)";
    std::filesystem::permissions(bin_.path() / "cgmm", std::filesystem::perms(0755));
    std::ofstream(work_.path() / "file");
  }
  /// What a script for this shell prints.
  std::string said_by(const std::string& shell, const std::string& script) {
    return output_of("cd " + work_.path().string() + " && PATH=" + bin_.path().string() + ":$PATH " + shell + " -c '" +
                     escaped_for_shell(script) + "'");
  }
  void expect_one_word(const std::string& shell, const std::string& script) {
    if (output_of("command -v " + shell.substr(0, shell.find(' '))).empty()) GTEST_SKIP() << "it is not installed";
    EXPECT_EQ(said_by(shell, script), "summary\n");
    EXPECT_FALSE(std::filesystem::exists(work_.path() / "ran")) << "the name of a report was run";
  }

  TempDir bin_, work_;
};

TEST_F(HostileReports, AreNeitherRunNorOfferedByBash) {
  expect_one_word("bash", ". " + kDirectory +
                              "cgmm.bash; compopt() { :; }; COMP_WORDS=(cgmm report \"\"); COMP_CWORD=2; "
                              "_cgmm; printf \"%s\\n\" \"${COMPREPLY[@]}\"");
}

TEST_F(HostileReports, AreNeitherRunNorOfferedByZsh) {
  // Its own functions are replaced by what they do here: options are none, the command is run, the words are shown.
  expect_one_word("zsh -f",
                  "_arguments() { return 0 }; _call_program() { shift; eval \"$@\" }; "
                  "compadd() { print -rl -- ${(P)@[-1]} }; service=cgmm; fpath=(" +
                      kDirectory + " $fpath); autoload -Uz _cgmm; _cgmm; _cgmm_reports");
}

TEST_F(HostileReports, AreNeitherRunNorOfferedByFish) {
  expect_one_word(
      "fish", "source " + kDirectory + "cgmm.fish; complete -C \"cgmm report \" | string replace -r \"\\t.*\" \"\"");
}

TEST_F(HostileReports, FilesAreOfferedAsTheyAre) {
  std::ofstream(work_.path() / "$(touch ran)");
  const std::string offered =
      said_by("bash", ". " + kDirectory +
                          "cgmm.bash; compopt() { :; }; COMP_WORDS=(cgmm report --output \"\"); COMP_CWORD=3; "
                          "_cgmm; printf \"%s\\n\" \"${COMPREPLY[@]}\" | sort");
  EXPECT_EQ(offered, "$(touch ran)\nfile\n");
  EXPECT_FALSE(std::filesystem::exists(work_.path() / "ran"));
}

}  // namespace
}  // namespace cgmm::test
