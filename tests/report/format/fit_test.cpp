// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "report/format/escape.hpp"
#include "report/format/render.hpp"

namespace cgmm::report {
namespace {

using core::Table;

core::Cell integer(std::int64_t value) { return value; }

Table wide_table() {
  return {.title = "",
          .columns = {"cgroup", "a_bytes", "b_bytes", "reason", "longest_gap_since_start_us"},
          .rows = {{"/kubepods/burstable/pod1f0c2a3b/3fa91c7d", integer(1), integer(2),
                    "it was full and nothing helped", integer(3)},
                   {"/web", integer(1), integer(2), "", integer(3)}}};
}

std::string text_at(std::size_t width, const Table& table, bool ascii = false) {
  return render(table, Format::text, {.width = width, .fits = true, .ascii = ascii});
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Fit, ChangesNothingWhereThereIsRoom) {
  EXPECT_EQ(text_at(200, wide_table()), render(wide_table(), Format::text, {}));
}

TEST(Fit, BreaksHeadingsFirst) {
  const std::string text = text_at(105, wide_table());
  EXPECT_TRUE(has(text, "longest gap\n") || has(text, "longest gap ")) << text;
  EXPECT_TRUE(has(text, "/kubepods/burstable/pod1f0c2a3b/3fa91c7d")) << text;
  EXPECT_FALSE(has(text, "--wide")) << text;
}

TEST(Fit, ThenShortensNamesAndWrapsWords) {
  const std::string text = text_at(64, wide_table());
  EXPECT_TRUE(has(text, "…")) << text;
  EXPECT_TRUE(has(text, "it was full and ")) << text;
  EXPECT_TRUE(has(text, "(--wide shows long names whole)")) << text;
  EXPECT_FALSE(has(text, "Left out")) << text;
}

TEST(Fit, ThenLeavesOutColumnsFromTheRightAndSaysSo) {
  const std::string text = text_at(40, wide_table());
  EXPECT_TRUE(has(text, "Left out for want of room: reason,")) << text;
  EXPECT_TRUE(has(text, "(--wide")) << text;
}

TEST(Fit, KeepsTheColumnsThatTheReportCallsImportant) {
  Table table = wide_table();
  table.most_important = {"reason"};
  const std::string text = text_at(40, table);
  EXPECT_TRUE(has(text, "nothing helped")) << text;
  EXPECT_TRUE(has(text, "Left out for want of room: b, longest")) << text;
}

TEST(Fit, ReadsOneRowDownWhereItIsTooWide) {
  Table table = wide_table();
  table.rows.pop_back();
  const std::string text = text_at(40, table);
  EXPECT_TRUE(has(text, "longest gap since start:")) << text;
  EXPECT_FALSE(has(text, "Left out")) << text;
}

TEST(Fit, KeepsEveryLineWithinEveryWidth) {
  Table table = wide_table();
  table.title = "A title that is longer than a narrow terminal is wide, by far";
  table.columns.emplace_back("a_heading_that_has_many_words_and_is_long_bytes");
  for (auto& row : table.rows) row.push_back(integer(4));
  table.more_rows = 3;
  for (std::size_t width = 40; width < 160; ++width) {
    const std::string text = text_at(width, table);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      EXPECT_LE(display_width(text.substr(at, end - at)), width) << text;
      at = end + 1;
    }
  }
}

TEST(Fit, IsAllAsciiWhereTheTerminalShowsNoOther) {
  Table table = wide_table();
  table.rows[0][0] = "/caf\u00e9";
  table.columns[1] = "held_byte_seconds";
  const std::string text = text_at(80, table, /*ascii=*/true);
  EXPECT_TRUE(has(text, "/caf\\u00e9")) << text;
  EXPECT_TRUE(has(text, "B*h")) << text;
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) << text;
}

}  // namespace
}  // namespace cgmm::report
