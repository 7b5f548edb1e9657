// SPDX-License-Identifier: Apache-2.0
#include "fleet/engine/answer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace cgmm::fleet {
namespace {

const Asked kAsked{.place = "db:8123", .user = "shipper", .database = "cgmm"};

/// As 18.16 writes it, and as 26 does.
std::string old_words(int code, const std::string& message) {
  return "Code: " + std::to_string(code) + ", e.displayText() = DB::Exception: " + message +
         ", e.what() = DB::Exception\n";
}
std::string new_words(int code, const std::string& message) {
  return "Code: " + std::to_string(code) + ". DB::Exception: " + message + " (version 26.1.2.3 (official build))\n";
}

TEST(EngineAnswer, AnErrorIsFoundHoweverTheVersionWritesIt) {
  for (const std::string& body : {old_words(60, "Table a.b doesn't exist."), new_words(60, "Table a.b doesn't exist."),
                                  "1\t2\n3\t4\n" + old_words(60, "Table a.b doesn't exist.")}) {
    const auto error = error_in(body);
    ASSERT_TRUE(error) << body;
    EXPECT_EQ(error->code, 60);
    EXPECT_EQ(error->message, "Table a.b doesn't exist.");
  }
}

TEST(EngineAnswer, AnErrorOfTheNetworkBetweenServersIsOne) {
  const auto error = error_in(
      "Code: 279, e.displayText() = DB::NetException: All connection tries failed. Log: Code: 210, e.displayText() = "
      "DB::NetException: Connection refused, e.what() = DB::NetException");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, 279);
  EXPECT_EQ(error->message,
            "All connection tries failed. Log: Code: 210, e.displayText() = DB::NetException: Connection refused");
}

TEST(EngineAnswer, WhatOnlyLooksLikeAnErrorIsNone) {
  for (const char* body : {"", "\n", "Code", "Code: ", "Code: x", "Code: 60", "Code: 60.", "Code: 60 DB::Exception: a",
                           "Code: 99999999999999999999. DB::Exception: a", "shop/web\tCode: 60. DB::Exception: a\n"}) {
    EXPECT_FALSE(error_in(body)) << body;
  }
}

TEST(EngineAnswer, AMessageIsBoundedAndSafeToPrint) {
  EXPECT_EQ(error_in(old_words(27, "\x1b[31m red\nrow 2"))->message, "\\x1b[31m red");
  EXPECT_LE(error_in(old_words(27, std::string(100'000, 'a')))->message.size(), 300u);
}

TEST(EngineAnswer, ARefusalSaysWhatToDo) {
  struct Case {
    int code;
    Refusal refusal;
    std::string said;
  };
  const std::vector<Case> cases{
      {193, Refusal::permanent, R"(db:8123 says that the password of user "shipper" is wrong: set user and pass)"},
      {516, Refusal::permanent, R"(db:8123 does not let user "shipper" in: set user and password_file)"},
      {497, Refusal::permanent, R"(does not let user "shipper" do this: GRANT SELECT, INSERT ON cgmm.* to it)"},
      {81, Refusal::permanent, "db:8123 has no database cgmm: run `cgroup-memory-manager fleet init`"},
      {60, Refusal::permanent, "lacks a table in database cgmm: run `cgroup-memory-manager fleet init`"},
      {16, Refusal::permanent, "has tables of another version: run `cgroup-memory-manager fleet init`"},
      {252, Refusal::too_many_parts, "merges too slowly"},
      {242, Refusal::read_only, "only can be read now"},
      {241, Refusal::transient, "too little memory"},
      {62, Refusal::permanent, "db:8123 refuses: code 62: why"},
      {27, Refusal::bad_rows, "db:8123 refuses: code 27: why"},
      {9999, Refusal::transient, "db:8123 refuses: code 9999: why"}};
  for (const Case& one : cases) {
    for (const std::string& body : {old_words(one.code, "why"), new_words(one.code, "why")}) {
      const DestinationError error = refusal_of(kAsked, 500, body);
      EXPECT_EQ(error.refusal(), one.refusal) << error.what();
      EXPECT_NE(std::string(error.what()).find(one.said), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("code " + std::to_string(one.code) + ": why"), std::string::npos);
    }
  }
}

TEST(EngineAnswer, WhatIsNoClickHouseIsTold) {
  const std::vector<std::pair<int, Refusal>> cases{{200, Refusal::permanent}, {401, Refusal::permanent},
                                                   {404, Refusal::permanent}, {413, Refusal::bad_rows},
                                                   {429, Refusal::transient}, {502, Refusal::transient}};
  for (const auto& [status, refusal] : cases)
    EXPECT_EQ(refusal_of(kAsked, status, "<html>").refusal(), refusal) << status;
  EXPECT_NE(std::string(refusal_of(kAsked, 404, "<html>").what()).find("HTTP port (8123"), std::string::npos);
}

TEST(EngineAnswer, RowsComeBackAsTheyWere) {
  EXPECT_TRUE(rows_of("").empty());
  EXPECT_EQ(rows_of("a\t\\N\t\n"), (std::vector<EngineRow>{{"a", std::nullopt, ""}}));
  EXPECT_EQ(rows_of("1\n2"), (std::vector<EngineRow>{{"1"}, {"2"}}));
  EXPECT_EQ(rows_of("a\\tb\\nc\\\\N\\'\\"), (std::vector<EngineRow>{{"a\tb\nc\\N'\\"}}));
}

}  // namespace
}  // namespace cgmm::fleet
