// SPDX-License-Identifier: Apache-2.0
#include "store/read/grouped.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <string>

namespace cgmm::store {
namespace {

class Grouped : public testing::Test {
 protected:
  Grouped() { add_grouped(database_.getHandle()); }

  std::string text(const std::string& sql) { return database_.execAndGet(sql).getString(); }
  std::string refusal(const std::string& sql) {
    try {
      text(sql);
    } catch (const SQLite::Exception& error) {
      return error.what();
    }
    return "";
  }

 private:
  SQLite::Database database_{":memory:", SQLite::OPEN_READWRITE};
};

TEST_F(Grouped, SumsUpByKey) {
  EXPECT_EQ(text("WITH t (k, v) AS (VALUES (2, 1), (1, 10), (2, 4), (2, 2)), "
                 "all_keys AS (SELECT grouped('sum min max', k, v, v, v) AS j FROM t) "
                 "SELECT group_concat(value, ' ') FROM (SELECT value FROM all_keys, json_each(j) ORDER BY value)"),
            "[1,10,10,10] [2,7,1,4]");
}

TEST_F(Grouped, RanksEachKeysValuesAlone) {
  const std::string ranked =
      "WITH RECURSIVE t (v) AS (VALUES (1) UNION ALL SELECT v + 1 FROM t WHERE v < 201) "
      "SELECT group_concat(value, ' ') FROM (SELECT value FROM json_each((SELECT grouped('p50 sum p99', v % 2, 300 - "
      "v, 1, "
      "v) FROM t WHERE v <= 200)) ORDER BY value)";
  EXPECT_EQ(text(ranked), "[0,198,100,198] [1,199,100,197]") << "the 50th and the 99th of 100";
  EXPECT_EQ(text("SELECT grouped('p50 p99', 1, column1, column1) FROM (VALUES (3), (1), (2), (4))"), "[[1,2,4]]");
  EXPECT_EQ(text("SELECT grouped('p50 p99', 1, column1, 7) FROM (VALUES (NULL), ('x'))"), "[[1,null,7]]");
}

TEST_F(Grouped, KnowsNothingOfWhatIsNoNumber) {
  EXPECT_EQ(
      text("SELECT grouped('sum max', k, v, w) FROM (SELECT 1 AS k, NULL AS v, 'x' AS w UNION ALL SELECT 1, 3, NULL)"),
      "[[1,3,null]]");
  EXPECT_EQ(text("SELECT grouped('sum', NULL, 1)"), "[]");
  EXPECT_EQ(text("SELECT grouped('sum', 1, 1) WHERE 0"), "[]");
}

TEST_F(Grouped, KeepsFractionsAndLargeNumbers) {
  EXPECT_EQ(text("SELECT grouped('sum sum', 1, 0.25, 1700000000000000)"), "[[1,0.25,1700000000000000]]");
  EXPECT_EQ(text("SELECT grouped('sum', 1, 9e999)"), "[[1,null]]");
}

TEST_F(Grouped, RefusesKindsThatDoNotFit) {
  EXPECT_EQ(refusal("SELECT grouped('mean', 1, 2)"),
            "grouped(): 'sum', 'min', 'max', 'p50' or 'p99' was expected, not 'mean'");
  EXPECT_EQ(refusal("SELECT grouped('sum', 1)"), "grouped(): a kind for each value was expected");
  EXPECT_EQ(refusal("SELECT grouped(NULL, 1, 2)"), "grouped(): a kind for each value was expected");
  EXPECT_EQ(refusal("SELECT grouped('sum')"), "grouped(): kinds and a key were expected");
}

}  // namespace
}  // namespace cgmm::store
