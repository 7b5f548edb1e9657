// SPDX-License-Identifier: Apache-2.0
// fleet/schema: what `ship` sends has a place there.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "fleet/ship/batch_reader.hpp"
#include "fleet/ship/embedded.hpp"
#include "fleet/ship/made_up_history.hpp"
#include "store/reader.hpp"

namespace cgmm::fleet {
namespace {

/// The columns of each table, in their order.
std::map<std::string, std::vector<std::string>> tables_of_schema() {
  std::ifstream file(CGMM_SOURCE_DIR "/fleet/schema/0001_history.sql");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  static const std::regex kTable(
      R"(CREATE TABLE IF NOT EXISTS \{database\}\.(\w+)\{local\}\{cluster\} \(([^;]*?)\n\)\n)");
  static const std::regex kColumn(R"((\w+) (?:Nullable\()?(?:String|Int64|UInt64))");
  std::map<std::string, std::vector<std::string>> tables;
  for (std::sregex_iterator table(text.begin(), text.end(), kTable), end; table != end; ++table) {
    const std::string body = (*table)[2];
    for (std::sregex_iterator column(body.begin(), body.end(), kColumn); column != end; ++column)
      tables[(*table)[1]].push_back((*column)[1]);
  }
  return tables;
}

TEST(FleetSchema, HasTheColumnsThatAreSent) {
  const auto tables = tables_of_schema();
  ASSERT_EQ(tables.size(), 15U) << "with schema_version";
  const test::TempDir directory;
  const MadeUpHistory made(directory.path() / "history.db");
  store::Reader reader(made.file());
  for (const core::EmbeddedText& text : kShipped) {
    const std::string name(text.name);
    if (name.starts_with("plan_")) continue;
    core::Parameters parameters;
    for (const char* const parameter :
         {"node", "history_id", "machine_id", "cluster", "zone", "pool", "clock_difference_us", "lost_samples",
          "lost_rows", "refused_rows", "now_us", "after_revision", "to_revision", "after_scan_id", "to_scan_id",
          "after_hour_us", "to_hour_us"})
      parameters[parameter] = {};
    const auto sent = reader.run(shipped_sql(name), parameters).columns;
    if (name == "counted_kill") {
      const auto& there = tables.at("oom_kill");
      for (const std::string& column : sent)
        EXPECT_NE(std::ranges::find(there, column), there.end()) << name << "." << column;
    } else {
      EXPECT_EQ(sent, tables.at(name == "incident_sample" ? "sample" : name)) << name;
    }
  }
}

}  // namespace
}  // namespace cgmm::fleet
