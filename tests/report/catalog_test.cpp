// SPDX-License-Identifier: Apache-2.0
#include "report/catalog.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <system_error>

#include "report/embedded.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::report {
namespace {

namespace fs = std::filesystem;

class Catalog : public testing::Test {
 protected:
  void add(const std::string& name, const std::string& text) const { std::ofstream(dir() / name) << text; }
  fs::path dir() const { return dir_.path(); }
  std::vector<std::string> own_names() {
    left_out_.clear();
    std::vector<std::string> names;
    for (const Report& report : list_reports(dir(), [&](const std::string& one) { left_out_.push_back(one); })) {
      if (report.own) names.push_back(report.name);
    }
    return names;
  }

 private:
  test::TempDir dir_;

 protected:
  std::vector<std::string> left_out_;  // told of by own_names()
};

/// Not the queries of `incident`, `history` and `metrics`, and not the parts of reports.
bool is_a_report(std::string_view name) {
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  return !begins("incident_") && !begins("history_") && !begins("live_") && !begins("metric_") && !begins("part_") &&
         !begins("simulate_");
}

std::size_t report_count() {
  return static_cast<std::size_t>(
      std::ranges::count_if(kReports, [](const auto& text) { return is_a_report(text.name); }));
}

TEST_F(Catalog, APartTakesTheNumbersOfReclaimsFromOnePlace) {
  const std::string part = built_in("part_told_reclaim").sql;
  const std::string sql = built_in("reclaims_by_hour").sql;
  EXPECT_NE(sql.find("FROM (\n" + part + ") r\n"), std::string::npos) << sql;
  add("own.sql", "SELECT 1 FROM (told_reclaim)");
  EXPECT_EQ(find_report(dir(), "own")->sql, "SELECT 1 FROM (\n" + part + ")");
  for (const auto& text : kReports) {
    if (text.name == "part_told_reclaim") continue;
    EXPECT_EQ(text.text.find("reclaim_effect"), std::string_view::npos) << text.name << " has a rule of its own";
    EXPECT_EQ(built_in(text.name).sql.find("(told_reclaim)"), std::string::npos) << text.name;
  }
}

TEST_F(Catalog, TheQueriesOfIncidentAreNoReports) {
  ASSERT_LT(report_count(), kReports.size());
  for (const auto& text : kReports) {
    EXPECT_EQ(find_report({}, text.name).has_value(), is_a_report(text.name)) << text.name;
    EXPECT_NO_THROW(built_in(text.name));
  }
  EXPECT_THROW(built_in("incident_nope"), std::logic_error);
  add("incident_kill.sql", "-- Mine\nSELECT 1;");
  EXPECT_EQ(find_report(dir(), "incident_kill")->title, "Mine");
  EXPECT_NE(built_in("incident_kill").title, "Mine");
}

TEST_F(Catalog, ListsTheEmbeddedReportsByNameWithTheirTitles) {
  const std::vector<Report> reports = list_reports({}, nullptr);
  EXPECT_EQ(reports.size(), report_count());
  EXPECT_TRUE(std::ranges::is_sorted(reports, {}, &Report::name));
  for (const Report& report : reports) {
    EXPECT_FALSE(report.own) << report.name;
    EXPECT_NE(report.title, report.name) << "no title";
    EXPECT_TRUE(report.sql.starts_with("-- " + report.title + "\n-- SPDX-License-Identifier: Apache-2.0\n--"))
        << report.name;
  }
}

TEST_F(Catalog, PutsTheOperatorsReportInThePlaceOfAnEmbeddedOne) {
  add("summary.sql", "-- Mine\nSELECT 1;");
  const auto report = find_report(dir(), "summary");
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->own);
  EXPECT_EQ(report->title, "Mine");
  EXPECT_EQ(report->sql, "-- Mine\nSELECT 1;");
  EXPECT_EQ(list_reports(dir(), nullptr).size(), report_count());
  EXPECT_FALSE(summary_reports().front().own);
}

TEST_F(Catalog, TakesTheTitleFromTheFirstCommentThatSaysSomething) {
  struct Case {
    std::string sql, title;
  };
  const std::vector<Case> cases = {
      {"-- Title\nSELECT 1", "Title"}, {"\n  --Title  \r\nSELECT 1", "Title"},      {"--\n-- Title\nSELECT 1", "Title"},
      {"SELECT 1 -- no title", "own"}, {"SELECT 1;\n-- no title\n", "own"},         {"\n", "own"},
      {"-- Title", "Title"},           {"\xef\xbb\xbf-- Title\nSELECT 1", "Title"}, {"-----\nSELECT 1", "own"},
  };
  for (const Case& c : cases) {
    add("own.sql", c.sql);
    EXPECT_EQ(find_report(dir(), "own")->title, c.title) << c.sql;
  }
}

TEST_F(Catalog, TakesTheMostImportantColumnsFromAComment) {
  using Columns = std::vector<std::string>;
  const std::vector<std::pair<std::string, Columns>> cases = {
      {"-- Title\n-- Most important first: cgroup, freed_bytes\nSELECT 1", {"cgroup", "freed_bytes"}},
      {"-- Title\n-- Most important first:cgroup,,\tat_us ,\r\nSELECT 1", {"cgroup", "at_us"}},
      {"-- Title\n-- Most important first:\nSELECT 1", {}},
      {"-- Title\n-- Most important first: cgroup", {"cgroup"}},
      {"-- Title\nSELECT 1", {}},
  };
  for (const auto& [sql, columns] : cases) {
    add("own.sql", sql);
    EXPECT_EQ(find_report(dir(), "own")->most_important, columns) << sql;
  }
}

TEST_F(Catalog, TakesFilesAndLinksToThemAndNothingElse) {
  add("good.sql", "SELECT 1");
  add(".hidden.sql", "SELECT 1");
  add(".sql", "SELECT 1");
  add("notes.txt", "SELECT 1");
  add("bad\xff.sql", "SELECT 1");
  fs::create_directory(dir() / "dir.sql");
  fs::create_symlink(dir() / "good.sql", dir() / "link.sql");
  fs::create_symlink(dir() / "gone", dir() / "dangling.sql");
  EXPECT_EQ(own_names(), (std::vector<std::string>{"good", "link"}));
  std::ranges::sort(left_out_);
  EXPECT_EQ(left_out_, (std::vector{(dir() / "dangling.sql").string() + " is no file",
                                    (dir() / "dir.sql").string() + " is no file"}));
  EXPECT_TRUE(find_report(dir(), "link"));
  for (const char* name : {"", ".hidden", "notes", "dir", "dangling", "../x/good", "bad\xff"}) {
    EXPECT_FALSE(find_report(dir(), name)) << name;
  }
}

TEST_F(Catalog, HasNoneOfTheOperatorsWhereTheDirectoryIsMissing) {
  EXPECT_EQ(list_reports(dir() / "missing", nullptr).size(), report_count());
  EXPECT_TRUE(find_report(dir() / "missing", "summary"));
}

TEST_F(Catalog, NamesADirectoryThatIsNone) {
  add("file", "");
  try {
    list_reports(dir() / "file", nullptr);
    FAIL() << "a file was taken for a directory";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("/file"), std::string::npos) << error.what();
  }
}

TEST_F(Catalog, LeavesOutAndNamesAFileThatCantBeReadOrIsTooLarge) {
  add("good.sql", "SELECT 1");
  add("large.sql", std::string(1024 * 1024 + 1, ' '));
  add("largest.sql", std::string(1024 * 1024, ' '));
  fs::create_symlink("loop.sql", dir() / "loop.sql");
  EXPECT_EQ(own_names(), (std::vector<std::string>{"good", "largest"}));
  std::ranges::sort(left_out_);
  ASSERT_EQ(left_out_.size(), 2u);
  EXPECT_EQ(left_out_[0],
            "can't read the report " + (dir() / "loop.sql").string() + ": Too many levels of symbolic links");
  EXPECT_EQ(left_out_[1], "over 1 MiB is no report: " + (dir() / "large.sql").string() + ": File too large");
  EXPECT_THROW(find_report(dir(), "large"), std::system_error);
  EXPECT_TRUE(find_report(dir(), "largest"));
}

TEST_F(Catalog, LeavesOutFilesOfTheKernelThatNeverEndAndEmptyOnes) {
  add("empty.sql", "");
  fs::create_symlink("/proc/kmsg", dir() / "log.sql");
  EXPECT_TRUE(own_names().empty());
  ASSERT_EQ(left_out_.size(), 2u);
  EXPECT_THROW(find_report(dir(), "empty"), std::system_error);
}

TEST_F(Catalog, SummaryNeverReadsTheSamples) {  // `evidence` does, of workloads with a reclaim that did not help
  std::vector<Report> reports = summary_reports();
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports.front().name, "summary");
  for (const Report& report : reports) {
    if (report.name == "limits") continue;  // of each workload it reads the samples of some scans
    for (const char* slow : {" sample ", " sample\n", "v_sample", "sample_hour"}) {
      const std::string statement =
          report.sql.substr(report.sql.find("\nSELECT") < report.sql.find("\nWITH") ? report.sql.find("\nSELECT")
                                                                                    : report.sql.find("\nWITH"));
      EXPECT_EQ(statement.find(slow), std::string::npos) << report.name << slow;
    }
  }
}

}  // namespace
}  // namespace cgmm::report
