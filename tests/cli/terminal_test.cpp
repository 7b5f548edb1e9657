// SPDX-License-Identifier: Apache-2.0
// What is different on a terminal: width, colour, ASCII where it shows no other characters, a pager.
#include "support/terminal.hpp"
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

bool is_ascii(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

class Terminal : public CliTest {
 protected:
  Terminal() {
    cgroups().put("/caf\u00e9", v1_files(kOver));
    cgroups().put("/other", v1_files(kOver));
    scan(/*cycles=*/2);
  }
  Answer on_terminal(std::vector<std::string> arguments, const Environment& more = {}, TerminalSize size = {}) const {
    arguments.insert(arguments.end(), {"--config", config(), "--database", database()});
    return run_on_terminal(arguments, size, more);
  }
  /// A pager that puts what it is given into a file.
  std::string pager() const { return "cat > '" + paged().string() + "'"; }
  std::filesystem::path paged() const { return file("paged"); }
};

TEST_F(Terminal, IsAsWideAsItSays) {
  EXPECT_NE(on_terminal({"status"}).out.find("\x1b[1m"), std::string::npos) << "headings are bold";
  const Environment plain{{"NO_COLOR", "1"}, {"LC_ALL", "C"}};
  std::istringstream lines(on_terminal({"report", "cgroups"}, plain, {.columns = 44}).out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), std::size_t{44}) << line;
  EXPECT_EQ(on_terminal({"status"}, {{"NO_COLOR", "1"}}).out.find('\x1b'), std::string::npos);
}

TEST_F(Terminal, GetsAsciiWhereItsLocaleIsNotUtf8) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"report", "cgroups"}, {"history", "*"}}) {
    const std::string text = on_terminal(command, {{"LC_ALL", "C"}, {"NO_COLOR", "1"}}).out;
    EXPECT_TRUE(is_ascii(text)) << text;
    EXPECT_NE(text.find("/caf\\u00e9"), std::string::npos) << text;
    EXPECT_NE(text.find("---"), std::string::npos) << text;
    EXPECT_FALSE(is_ascii(on_terminal(command).out));
  }
  const std::string file_name = file("out").string();
  on_terminal({"report", "cgroups", "--output", file_name}, {{"LC_ALL", "C"}});
  EXPECT_NE(content_of(file_name).find("/caf\u00e9"), std::string::npos) << "files stay UTF-8";
}

TEST_F(Terminal, ShowsLongTextInThePager) {
  const Answer answer = on_terminal({"report"}, {{"PAGER", pager()}}, {.rows = 10});
  EXPECT_EQ(answer.out, "");
  EXPECT_TRUE(content_of(paged()).find("Memory report") != std::string::npos) << content_of(paged());
}

TEST_F(Terminal, NeedsNoPagerForShortTextOrForStatusOrWhereNoneIsWanted) {
  const Environment environment{{"PAGER", pager()}};
  EXPECT_NE(on_terminal({"report"}, environment, {.rows = 1000}).out, "");
  EXPECT_NE(on_terminal({"status"}, environment, {.rows = 5}).out, "");
  EXPECT_NE(on_terminal({"report", "--no-pager"}, environment, {.rows = 5}).out, "");
  EXPECT_NE(on_terminal({"report", "--format", "csv"}, environment, {.rows = 1}).out, "");
  EXPECT_FALSE(std::filesystem::exists(paged()));
  for (const char* const none : {"", "cat"}) EXPECT_NE(on_terminal({"report"}, {{"PAGER", none}}, {.rows = 5}).out, "");
}

TEST_F(Terminal, IsWrittenToWhereThePagerCanNotBeStarted) {
  const Answer answer = on_terminal({"report"}, {{"PAGER", "/no/such/pager"}}, {.rows = 10});
  EXPECT_NE(answer.out.find("Memory report"), std::string::npos) << answer.out;
  EXPECT_EQ(answer.exit_code, 0);
}

TEST_F(Terminal, TakesAPagerThatEndsEarlyForNoError) {
  const Answer answer = on_terminal({"report"}, {{"PAGER", "true"}}, {.rows = 10});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_EQ(answer.err, "");
}

TEST_F(Terminal, GivesRootAPagerThatStartsNoOtherProgram) {
  if (::geteuid() != 0) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: not root";
  on_terminal({"report"}, {{"PAGER", "echo $LESSSECURE $LESS > '" + paged().string() + "'"}}, {.rows = 10});
  EXPECT_EQ(content_of(paged()), "1 FRX\n");
}

}  // namespace
}  // namespace cgmm::test
