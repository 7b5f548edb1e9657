// SPDX-License-Identifier: Apache-2.0
#include "fleet/ask/review.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "fleet/ask/question.hpp"

namespace cgmm::fleet {
namespace {

using report::Format;

/// A table of the columns that the review shows, without rows.
core::Table empty_table(std::string_view name) {
  const report::Report one = question(name);
  std::vector<std::string> columns = one.most_important;
  for (const char* const more : {"zone", "pool", "cluster", "problems", "state", "unknown", "held_byte_seconds",
                                 "last_at_us", "victims", "most_killed"}) {
    if (std::ranges::find(columns, more) == columns.end()) columns.emplace_back(more);
  }
  return {.title = one.title, .columns = columns, .rows = {}, .report = std::string(name)};
}

/// With numbers of a quiet week.
core::Table summary() {
  core::Table table{.title = "Summary", .columns = {}, .rows = {{}}, .report = "summary"};
  std::istringstream words(question("summary").sql);
  for (std::string word, before; words >> word; before = word) {
    if (before != "AS" || word.starts_with("all_")) continue;
    table.columns.push_back(word.ends_with(',') ? word.substr(0, word.size() - 1) : word);
    table.rows[0].emplace_back(std::int64_t{0});
    if (table.columns.back() == "silent_nodes") break;
  }
  return table;
}

void set(core::Table& table, const std::string& column, core::Cell cell, std::size_t row = 0) {
  const auto at = std::ranges::find(table.columns, column);
  ASSERT_NE(at, table.columns.end()) << column;
  while (table.rows.size() <= row) table.rows.emplace_back(table.columns.size());
  table.rows[row][static_cast<std::size_t>(at - table.columns.begin())] = std::move(cell);
}

Review quiet_review() {
  Review review{.summary = summary(), .earlier = summary()};
  for (const char* const column : {"nodes", "scans"}) set(review.summary, column, std::int64_t{3});
  set(review.summary, "covered_pct", 100.0);
  for (const std::string_view name : questions_of_review()) review.tables.push_back(empty_table(name));
  return review;
}

core::Table& table_of(Review& review, std::string_view name) {
  return *std::ranges::find(review.tables, name, &core::Table::report);
}

std::string text_of(const Review& review, Format format = Format::text) {
  std::string text = review_text(review, {0, 604'800'000'000, true}, format, {});
  if (format == Format::text) {  // sentences are wrapped
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; ++at) {
      if (at + 1 < text.size() && text[at + 1] != '\n' && at > 0 && text[at - 1] != '\n') text[at] = ' ';
    }
  }
  return text;
}

TEST(Review, AQuietWeekHasNoTablesButWhatReclaimBrought) {
  const std::string text = text_of(quiet_review());
  EXPECT_NE(
      text.find("In the last 7 days no reclaim was made. No OOM kill was seen. 3 scans covered 100 % of the time and "
                "saw no cgroup. 3 nodes have scans in this time.\n"),
      std::string::npos)
      << text;
  EXPECT_EQ(text.find("ask for a look"), std::string::npos);
  EXPECT_NE(text.find("What reclaim brought, and what it cost"), std::string::npos);
  EXPECT_EQ(text.find("OOM kills by workload\n"), std::string::npos);
}

TEST(Review, SilentNodesAreNamedAndOthersWithProblemsAreCounted) {
  Review review = quiet_review();
  core::Table& nodes = table_of(review, "nodes");
  const std::vector<std::vector<std::string>> all{{"a", "running", ""},
                                                  {"b\n", "silent", "silent"},
                                                  {"c", "silent", "silent, gaps"},
                                                  {"d", "running", "old version"}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    set(nodes, "node", all[i][0], i);
    set(nodes, "state", all[i][1], i);
    set(nodes, "problems", all[i][2], i);
  }
  const std::string text = text_of(review);
  EXPECT_NE(
      text.find(
          "2 are silent, with no scan in the last hour: b\\n and c. Another 1 asks for a look (fleet report nodes).\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("old version"), std::string::npos);
  EXPECT_EQ(text.find(" a  "), std::string::npos) << "nothing is wrong with it\n" << text;
  EXPECT_NE(text_of(review, Format::json).find("\"node\":\"a\""), std::string::npos) << "programs get all rows";
}

TEST(Review, ZonesAreShownOnlyWhereNodesHaveLabels) {
  Review review = quiet_review();
  core::Table& zones = table_of(review, "kills_by_zone");
  for (const char* const label : {"zone", "pool", "cluster"}) set(zones, label, std::string());
  set(zones, "kills", std::int64_t{7});
  EXPECT_EQ(text_of(review).find("OOM kills by zone"), std::string::npos);
  set(zones, "pool", std::string("spot"));
  EXPECT_NE(text_of(review).find("OOM kills by zone"), std::string::npos);
}

TEST(Review, OnlyGrowthIsShown) {
  Review review = quiet_review();
  core::Table& growth = table_of(review, "growth");
  set(growth, "workload", std::string("shrank"), 0);
  set(growth, "growth_bytes", std::int64_t{-1000}, 0);
  EXPECT_EQ(text_of(review).find("Growth by workload"), std::string::npos);
  set(growth, "workload", std::string("grew"), 1);
  set(growth, "growth_bytes", std::int64_t{1} << 30, 1);
  const std::string text = text_of(review);
  EXPECT_NE(text.find("grew"), std::string::npos) << text;
  EXPECT_EQ(text.find("shrank"), std::string::npos) << text;
}

}  // namespace
}  // namespace cgmm::fleet
