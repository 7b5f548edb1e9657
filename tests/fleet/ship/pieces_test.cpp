// SPDX-License-Identifier: Apache-2.0
#include "fleet/ship/pieces.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace cgmm::fleet {
namespace {

std::string text_of(const Piece& piece) {
  std::string text;
  EXPECT_EQ(net::gunzip(piece.gzipped_rows, 1 << 20, text), net::Unpacked::whole);
  return text;
}

std::string written(const core::Cell& cell) {
  std::string line;
  append_cell(line, cell);
  return line;
}

TEST(Pieces, WriteACellAsTheEngineReadsIt) {
  const auto max = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(written({}), "\\N");
  EXPECT_EQ(written(std::int64_t{-5}), "-5");
  EXPECT_EQ(written(max), "9223372036854775807");
  EXPECT_EQ(written(1.5), "2");
  EXPECT_EQ(written(1e300), std::to_string(max));
  EXPECT_EQ(written(-1e300), "-9223372036854775808");
  EXPECT_EQ(written(std::string()), "");
  EXPECT_EQ(written(std::string("a\tb\nc\\d\re\0f\xff", 12)), "a\\tb\\nc\\\\d\\re\\0f\xff");
  EXPECT_EQ(written(std::string("\\N")), "\\\\N") << "a text, not NULL";
}

TEST(Pieces, EndWhereABoundIsReached) {
  PieceWriter writer("t", {.rows = 2, .bytes = 1000});
  writer.begin({"a", "b"});
  for (std::int64_t i = 1; i <= 3; ++i) writer.add({i, std::string("x")});
  writer.add({std::int64_t{4}, std::string(1000, 'y')});
  writer.add({std::int64_t{5}, {}});
  const auto pieces = writer.finish();
  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_EQ(text_of(pieces[0]), "1\tx\n2\tx\n");
  EXPECT_EQ(text_of(pieces[1]), "3\tx\n4\t" + std::string(1000, 'y') + "\n");
  EXPECT_EQ(text_of(pieces[2]), "5\t\\N\n");
  EXPECT_EQ(pieces[0].row_count, 2);
  EXPECT_EQ(pieces[0].bytes, 8);
  EXPECT_EQ(pieces[2].table, "t");
  EXPECT_EQ(pieces[2].columns, (std::vector<std::string>{"a", "b"}));
}

TEST(Pieces, BeginAnewWhereTheAnswerDoes) {
  PieceWriter writer("t", {.rows = 2});
  writer.begin({"a"});
  for (std::int64_t i = 1; i <= 3; ++i) writer.add({i});
  writer.begin({"a"});
  writer.add({std::int64_t{7}});
  const auto pieces = writer.finish();
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(text_of(pieces[0]), "7\n");
}

TEST(Pieces, AreNoneWithoutARow) {
  PieceWriter writer("t", {});
  writer.begin({"a"});
  EXPECT_TRUE(writer.finish().empty());
}

}  // namespace
}  // namespace cgmm::fleet
