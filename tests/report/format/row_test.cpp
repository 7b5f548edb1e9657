// SPDX-License-Identifier: Apache-2.0
#include "report/format/row.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "report/answer.hpp"
#include "report/incident/made_incident.hpp"
#include "report/weekly/summary.hpp"
#include "report/weekly/summary_page.hpp"

namespace cgmm::report {
namespace {

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

/// As if the report's SQL had another name for it.
void rename_column(Table& answer, std::string_view column) { answer.columns[column_of(answer, column)] = "another"; }

TEST(ARow, HasNoColumnThatTheReportDoesNotHave) {
  const Table answer{.title = "Summary", .columns = {"scans"}, .rows = {{number(2)}}, .report = "summary"};
  EXPECT_EQ(Row(answer).integer("scans"), 2);
  EXPECT_EQ(error_of([&] { Row(answer).integer("reclaims"); }), "report \"summary\" has no column \"reclaims\"");
  const Table no_rows{.title = "", .columns = {"scans"}, .rows = {}, .report = "summary"};
  EXPECT_EQ(error_of([&] { Row(no_rows).text("node"); }), "report \"summary\" has no column \"node\"");
}

TEST(ARow, HoldsNullWhereThereIsNone) {
  const Table answer{.title = "", .columns = {"scans", "node"}, .rows = {{Cell{}}}, .report = "summary"};
  for (const std::size_t row : {0u, 1u}) {
    EXPECT_EQ(Row(answer, row).integer("scans"), 0);
    EXPECT_EQ(Row(answer, row).known_bytes("scans"), std::nullopt);
    EXPECT_EQ(Row(answer, row).text("node"), "");
  }
  EXPECT_EQ(Row(Table{}).text("node"), "") << "nobody asked";
}

TEST(AMissingColumn, IsNeitherNothingFreedNorNoKill) {
  Table summary = answer_of("summary", {{{"scans", number(2)}, {"reclaims", number(1)}, {"covered_pct", 100.0}}});
  EXPECT_EQ(error_of([&] { summary_sentences(summary, {}, {0, kKilledUs, true}); }), "");
  for (const std::string column : {"freed_bytes", "oom_kills"}) {
    Table renamed = summary;
    rename_column(renamed, column);
    EXPECT_EQ(error_of([&] { summary_sentences(renamed, {}, {0, kKilledUs, true}); }),
              "report \"summary\" has no column \"" + column + "\"");
  }
  Table gaps = answer_of("gaps", {{{"from_at_us", number(1)}, {"to_at_us", number(2)}}});
  rename_column(gaps, "why");
  EXPECT_EQ(error_of([&] { gap_bands(gaps); }), "report \"gaps\" has no column \"why\"");
}

TEST_F(IncidentTest, AMissingColumnIsNoUnknownVictim) {
  IncidentTables tables = made_tables();
  rename_column(tables.kill, "victim_comm");
  EXPECT_EQ(error_of([&] { who(incident_of(tables, kSinceUs, kUntilUs)); }),
            "report \"incident_kill\" has no column \"victim_comm\"");
}

}  // namespace
}  // namespace cgmm::report
