// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/hostile.hpp"

namespace cgmm::base {
namespace {

TEST(ToValidUtf8, LeavesValidTextAloneWithItsBackslashes) {
  EXPECT_EQ(to_valid_utf8("/system-systemd\\x2dfsck\n\xc3\xa9"), "/system-systemd\\x2dfsck\n\xc3\xa9");
}

TEST(ToValidUtf8, SpellsInvalidBytesAndThenAlsoBackslashes) {
  EXPECT_EQ(to_valid_utf8("a\\\xff"
                          "b\xc3\xa9"),
            "a\\\\\\xffb\xc3\xa9");
  EXPECT_EQ(to_valid_utf8("\xe2\x82"), "\\xe2\\x82");
}

TEST(IsValidUtf8, RefusesWhatUnicodeRefuses) {
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xed\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc3", "\xc3(", "\xf0\x9f\x90"}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << to_valid_utf8(bad);
  }
  for (const char* good : {"", "a", "\xc3\xa9", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  }
}

TEST(EscapeForTerminal, SpellsWhatSteersATerminal) {
  struct Case {
    std::string text, escaped;
  };
  const std::vector<Case> cases = {
      {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
      {"\x1b[31m", "\\x1b[31m"},
      {"\x7f", "\\x7f"},
      {"\xc2\x85", "\\u0085"},
      {"\xe2\x80\xae", "\\u202e"},
      {"\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069"},
      {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
      {"\xe2\x80\x8f\xd8\x9c", "\\u200f\\u061c"},
      {std::string(1, '\0'), "\\x00"},
      {"\\n is no newline", "\\n is no newline"},
      {"\\n is none, but \n is", "\\\\n is none, but \\n is"},
      {"/caf\xc3\xa9 \xf0\x9f\x90\xb3", "/caf\xc3\xa9 \xf0\x9f\x90\xb3"},
  };
  for (const Case& c : cases) EXPECT_EQ(escape_for_terminal(c.text), c.escaped);
}

TEST(EscapeForTerminal, ChangesNothingASecondTime) {
  for (const auto& [label, text] : test::hostile_texts()) {
    const std::string once = escape_for_terminal(text);
    EXPECT_TRUE(is_valid_utf8(once)) << label;
    EXPECT_EQ(escape_for_terminal(once), once) << label;
  }
}

TEST(Closest, IsTheWordThatWasProbablyMeant) {
  const std::vector<std::string> known{"--since", "--until", "--list", "report"};
  EXPECT_EQ(closest("--sinc", known), "--since");
  EXPECT_EQ(closest("--sicne", known), "--since");
  EXPECT_EQ(closest("reprot", known), "report");
  EXPECT_EQ(closest("repoort", known), "report");
  EXPECT_EQ(closest("report", known), "report");
  for (const std::string& far : {std::string(), std::string("x"), std::string("--xyz"), std::string(10'000, 'r')}) {
    EXPECT_EQ(closest(far, known), "") << far.substr(0, 10);
  }
}

}  // namespace
}  // namespace cgmm::base
