// SPDX-License-Identifier: Apache-2.0
// Every query of docs/queries.md runs on the schema as it is, and answers with the columns that are shown.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

struct Shown {
  std::string sql;
  std::vector<std::string> columns;  // the words of the first line of the output
};

/// Each block of SQL with the block of output that follows it.
std::vector<Shown> shown_queries() {
  std::ifstream file(CGMM_SOURCE_DIR "/docs/queries.md");
  std::vector<Shown> all;
  enum class In { prose, sql, head, output } in = In::prose;
  for (std::string line; std::getline(file, line);) {
    if (line == "```sql") {
      all.emplace_back();
      in = In::sql;
    } else if (line == "```text") {
      in = In::head;
    } else if (line == "```") {
      in = In::prose;
    } else if (in == In::sql) {
      all.back().sql += line + "\n";
    } else if (in == In::head) {
      std::istringstream words(line);
      for (std::string word; words >> word;) all.back().columns.push_back(word);
      in = In::output;
    }
  }
  return all;
}

TEST(Queries, RunAndHaveTheColumnsThatAreShown) {
  test::MadeHistory history;
  history.add_cgroup(1, "/web", "shop/web/app", 1024 * 1024);
  const std::int64_t now_us = std::get<std::int64_t>(history.run("SELECT unixepoch('now') * 1000000").rows[0][0]);
  for (const std::int64_t before_us : {60'000'000, 2'000'000}) {
    history.add_scan(now_us - before_us);
    history.add_sample(now_us - before_us, 1, 900, 100, 50);
  }
  history.add_kill(1, now_us);
  const auto queries = shown_queries();
  ASSERT_GE(queries.size(), 8u);
  std::size_t answered = 0;
  for (const Shown& one : queries) {
    core::Table table;
    ASSERT_NO_THROW(table = history.run(one.sql)) << one.sql;
    EXPECT_EQ(table.columns, one.columns) << one.sql;
    if (!table.rows.empty()) ++answered;
  }
  EXPECT_GE(answered, 4u);
}

}  // namespace
}  // namespace cgmm::report
