// SPDX-License-Identifier: Apache-2.0
// `report`: the list, each report in each format, the weekly summary, and an operator's own.
#include <set>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Report : public CliTest {
 protected:
  Report() {
    cgroups().put("/over", v1_files(kOver));
    cgroups().put("/below", v1_files(kBelow));
    scan(/*cycles=*/2);
  }
  std::string out(std::vector<std::string> arguments, const std::string& format = "text") const {
    arguments.insert(arguments.begin(), "report");
    arguments.insert(arguments.end(), {"--format", format});
    const Answer answer = ask(arguments);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_EQ(answer.err, "");
    EXPECT_TRUE(is_utf8(answer.out));
    return answer.out;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& row : rows_of({"report", "--list"})) all.push_back(row["name"]);
    return all;
  }
};

TEST_F(Report, TheListHasEveryReportThatIsShipped) {
  std::set<std::string> shipped;
  for (const auto& entry : std::filesystem::directory_iterator(CGMM_SOURCE_DIR "/reports")) {
    shipped.insert(entry.path().stem());
  }
  const auto listed = names();
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()), shipped);
  for (const std::string& name : listed)
    EXPECT_NE(out({"--list"}).find("\n" + name + " "), std::string::npos);
}

TEST_F(Report, TheListNeedsNoHistory) {
  const Answer answer = program({"report", "--list", "--config", config(), "--database", file("none.db")});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_TRUE(answer.out.starts_with("Reports\n\nname "));
}

TEST_F(Report, EveryReportCanBeHadInEveryFormat) {
  for (const std::string& name : names()) {
    EXPECT_TRUE(out({name}, "markdown").starts_with("## ")) << name;
    EXPECT_FALSE(out({name}, "text").starts_with("## ")) << name;
    const auto csv = parse_csv(out({name}, "csv"));
    const auto json = nlohmann::json::parse(out({name}, "json"));
    ASSERT_FALSE(csv.empty()) << name;
    EXPECT_EQ(csv.front(), json["columns"].get<CsvRow>()) << name;
    EXPECT_EQ(csv.size(), json["rows"].size() + 1) << name;
    for (const CsvRow& row : csv) EXPECT_EQ(row.size(), csv.front().size()) << name;
    EXPECT_FALSE(json["title"].get<std::string>().empty()) << name;
  }
}

TEST_F(Report, TheCgroupsReportHasWhatWasMeasured) {
  const auto rows = rows_of({"report", "cgroups"});
  ASSERT_EQ(rows.size(), std::size_t{2});
  EXPECT_EQ(rows[0]["path"], "/below");
  EXPECT_EQ(rows[0]["usage_max_bytes"], 80 * kMiB);
  EXPECT_EQ(rows[1]["path"], "/over");
  EXPECT_EQ(rows[1]["cache_max_bytes"], 60 * kMiB);
  EXPECT_EQ(rows[1]["samples"], 2);
}

TEST_F(Report, AGlobNarrowsItAndAWindowBeforeTheHistoryHasNothing) {
  EXPECT_EQ(rows_of({"report", "cgroups", "--cgroup", "/over"}).size(), std::size_t{1});
  EXPECT_EQ(rows_of({"report", "cgroups", "--cgroup", "ove"}).size(), std::size_t{1});
  EXPECT_EQ(rows_of({"report", "cgroups", "--cgroup", "/nope"}).size(), std::size_t{0});
  EXPECT_EQ(rows_of({"report", "cgroups", "--since", "2001-01-01", "--until", "2001-02-01"}).size(),
            std::size_t{0});
  EXPECT_EQ(rows_of({"report", "cgroups", "--until", "2099-01-01"}).size(), std::size_t{2});
}

TEST_F(Report, TheWeeklySummaryBeginsWithASentenceThatAnswers) {
  const std::string text = out({});
  EXPECT_TRUE(text.starts_with("Memory report, 20")) << text;
  EXPECT_NE(text.find(" 2 scans covered "), std::string::npos) << text;
  EXPECT_NE(text.find(" and saw 2 cgroups. 1 reclaim freed nothing. No OOM kill was seen.\n"),
            std::string::npos)
      << text;
  const std::string markdown = out({}, "markdown");
  EXPECT_TRUE(markdown.starts_with("# Memory report, 20")) << markdown;
  EXPECT_NE(markdown.find("\n## Coverage\n"), std::string::npos) << markdown;
}

TEST_F(Report, TheWeeklySummaryAsCsvIsTheNumbersOfTheSentenceInOneRow) {
  const auto rows = parse_csv(out({}, "csv"));
  ASSERT_EQ(rows.size(), std::size_t{2});
  ASSERT_EQ(rows[0].size(), rows[1].size());
  const auto value = [&](const std::string& column) {
    const auto found = std::find(rows[0].begin(), rows[0].end(), column);
    return found == rows[0].end() ? "no column " + column
                                  : rows[1][static_cast<std::size_t>(found - rows[0].begin())];
  };
  EXPECT_EQ(value("scans"), "2");
  EXPECT_EQ(value("samples"), "4");
  EXPECT_EQ(value("cgroups"), "2");
  EXPECT_EQ(value("reclaims"), "1");
}

TEST_F(Report, TheWeeklySummaryAsJsonIsAllItsTables) {
  const auto tables = nlohmann::json::parse(out({}, "json"))["reports"];
  ASSERT_GT(tables.size(), std::size_t{5});
  EXPECT_EQ(tables[0]["rows"].size(), std::size_t{1});
  EXPECT_EQ(tables[0]["rows"][0]["reclaims"], 1);
  for (const auto& table : tables) EXPECT_TRUE(table["rows"].is_array()) << table;
}

TEST_F(Report, ExactFormatsHaveThePathThatTheShortNameStandsFor) {
  EXPECT_EQ(nlohmann::json::parse(out({"top_cache"}, "json"))["rows"][0]["path"], "/over");
  EXPECT_EQ(out({"top_cache"}).find("path"), std::string::npos);
}

TEST_F(Report, AGlobThatMatchesNoCgroupIsAMistakeAndNotGoodNews) {
  const Answer answer = ask({"report", "--cgroup", "nope"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(answer.err, "cgroup-memory-manager: no cgroup matches \"nope\" in this window; `report cgroups` lists the "
                        "cgroups that there are\n");
}

TEST_F(Report, OutputGoesWhereItIsToldAndNowhereElse) {
  for (const std::string& format : kFormats) {
    const std::string expected = out({"reclaims"}, format);
    write(file("report.out"), "what was there before, and longer than what comes" + std::string(10'000, '.'));
    const Answer answer = ask({"report", "reclaims", "--format", format, "--output", file("report.out")});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(answer.out + answer.err, "");
    EXPECT_EQ(content_of(file("report.out")), expected);
  }
  const Answer answer = ask({"report", "--output", file("nope/report.out")});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(answer.err,
            "cgroup-memory-manager: " + file("nope/report.out").string() + ": No such file or directory\n");
}

TEST_F(Report, AnOperatorsOwnIsListedAndRun) {
  write(reports_dir() / "mine.sql",
        "-- Paths of my own\nSELECT path FROM v_cgroup WHERE path GLOB :cgroup_glob ORDER BY path");
  write(reports_dir() / "notes.txt", "not a report");
  bool listed = false;
  for (const auto& row : rows_of({"report", "--list"})) {
    EXPECT_NE(row["name"], "notes");
    if (row["name"] != "mine") continue;
    listed = true;
    EXPECT_EQ(row["title"], "Paths of my own");
    EXPECT_EQ(row["from"], "reports_dir");
  }
  EXPECT_TRUE(listed);
  EXPECT_EQ(out({"mine"}, "csv"), "path\n/below\n/over\n");
  EXPECT_EQ(out({"mine", "--cgroup", "/over"}, "csv"), "path\n/over\n");
  EXPECT_EQ(out({"mine"}), "Paths of my own\n\npath\n──────\n/below\n/over\n");
}

TEST_F(Report, AnOperatorsOwnTakesTheNameOfAShippedOne) {
  write(reports_dir() / "cgroups.sql", "-- Only one\nSELECT 1 AS one");
  EXPECT_EQ(out({"cgroups"}, "csv"), "one\n1\n");
}

TEST_F(Report, AnOperatorsOwnThatWouldWriteIsRefused) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"DELETE FROM sample", "it would write, and the history is read-only here"},
      {"SELECT 1; DELETE FROM sample", "it is more than one statement"},
      {"ATTACH 'other.db' AS other", "ATTACH and DETACH are not allowed"},
      {"SELEC", "near \"SELEC\": syntax error"},
      {"", "there is no statement in it"},
  };
  for (const auto& [sql, why] : cases) {
    write(reports_dir() / "bad.sql", "-- Bad\n" + sql);
    const Answer answer = ask({"report", "bad"});
    EXPECT_EQ(answer.exit_code, 2);
    EXPECT_EQ(answer.err, "cgroup-memory-manager: report \"bad\" of reports_dir: the query can't be run: " + why + "\n");
  }
  EXPECT_EQ(number("SELECT count(*) FROM sample"), 4);
}

}  // namespace
}  // namespace cgmm::test
