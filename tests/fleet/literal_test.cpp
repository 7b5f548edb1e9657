// SPDX-License-Identifier: Apache-2.0
#include "fleet/engine/literal.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/glob.hpp"
#include "fleet/engine/clickhouse.hpp"
#include "fleet/real_engine.hpp"

namespace cgmm::fleet {
namespace {

using test::RealEngine;

TEST(Literal, EscapesQuotesAndBackslashesAndKeepsTheRest) {
  EXPECT_EQ(literal(""), "''");
  EXPECT_EQ(literal("shop/web"), "'shop/web'");
  EXPECT_EQ(literal("o'dd\\n\n\t\xff"), "'o\\'dd\\\\n\n\t\xff'");
  EXPECT_EQ(literal("\\'; DROP TABLE x --"), "'\\\\\\'; DROP TABLE x --'");
}

TEST(PatternOf, IsAnchoredWhereTheGlobDoesNotBeginOrEndWithAStar) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"*", ""},
      {"**", ""},
      {"", "^$"},
      {"shop/*", "^shop/"},
      {"*dns*", "dns"},
      {"*/app", "/app$"},
      {"a*b", "^a(?s:.*)b$"},
      {"a.b+", "^a\\.b\\+$"},
      {"a?", "^a(?s:.)$"},
  };
  for (const auto& [glob, pattern] : cases) EXPECT_EQ(pattern_of(glob), pattern) << glob;
}

const std::vector<std::string> kGlobs{
    "*",       "",      "?",         "a",    "a*",     "*a",     "*a*",   "a**b", "[ab]", "[^ab]",
    "[a-c]x",  "[c-a]", "[^c-a]",    "[]a]", "[^]a]",  "[a-]",   "[-a]",  "[a",   "[",    "[]",
    "[^]",     "[^",    "a]",        "[[]",  "[*]",    "[?]*",   "[\\]",  "\\*",  "a.b",  "a|b",
    "(a)",     "a{2}",  "^a$",       "$",    "[a^]",   "é?",     "[é-ë]", "*\n*", "?\n",  "o'dd*",
    "[a-c-e]", "[&&a]", "[:alpha:]", "\xff", "a\xff*", "[\xff]", "***a",  "a***", "[a-",  "[^a-"};
const std::vector<std::string> kTexts{"",    "a",    "b",    "c",   "d",  "-",    "]",   "^",   "[",   "*",
                                      "?",   "\\",   "ab",   "ax",  "bx", "cx",   "dx",  "a.b", "axb", "a|b",
                                      "aa",  "(a)",  "a{2}", "^a$", "$",  "é",    "êx",  "éx",  "\n",  "x\ny",
                                      "a\n", "o'dd", "e",    "&",   ":",  "[abc", "*a*", "a]",  "a*b", "xaxx"};

TEST(PatternOf, MatchesInClickHouseWhatSqliteMatches) {
  const RealEngine server("one");
  if (!server.is_there()) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes Debian's clickhouse-server ***";
  ClickHouse engine(server.settings());
  for (const std::string& glob : kGlobs) {
    std::string sql = "SELECT arrayMap(x -> match(x, " + literal(pattern_of(glob)) + "), [";
    std::string expected = "[";
    for (const std::string& text : kTexts) {
      sql += (sql.ends_with('[') ? "" : ",") + literal(text);
      expected += (expected.ends_with('[') ? "" : ",") + std::string(core::glob_matches(glob, text) ? "1" : "0");
    }
    EXPECT_EQ(engine.query(sql + "])"), (std::vector<EngineRow>{{expected + "]"}}))
        << glob << " is " << pattern_of(glob);
  }
}

}  // namespace
}  // namespace cgmm::fleet
