// SPDX-License-Identifier: Apache-2.0
// `report`: the list, each report in each format, the weekly summary, and an operator's own.
#include <ctime>
#include <set>

#include "cli/cli_test.hpp"
#include "support/unwrapped.hpp"

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
    const std::string name = entry.path().stem();
    // Of `incident`, `history` and `metrics`; parts of reports.
    if (name.starts_with("incident_") || name.starts_with("history_") || name.starts_with("live_") ||
        name.starts_with("metric_") || name.starts_with("part_") || name.starts_with("simulate_"))
      continue;
    shipped.insert(name);
  }
  const auto listed = names();
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()), shipped);
  for (const std::string& name : listed) EXPECT_NE(out({"--list"}).find("\n" + name + " "), std::string::npos);
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
    const Html html(out({name}, "html"));
    EXPECT_EQ(activity_of(html), "") << name;
    EXPECT_EQ(html.all("h1").size(), std::size_t{1}) << name;
    const auto csv = parse_csv(out({name}, "csv"));
    const auto json = nlohmann::ordered_json::parse(out({name}, "json"));
    ASSERT_FALSE(csv.empty()) << name;
    EXPECT_EQ(csv.size(), json.size() + 1) << name;
    CsvRow keys;
    if (!json.empty()) {
      for (const auto& [key, value] : json[0].items()) keys.push_back(key);
      EXPECT_EQ(csv.front(), keys) << name;
    }
    std::istringstream lines(out({name}, "ndjson"));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      EXPECT_EQ(nlohmann::ordered_json::parse(line).size(), csv.front().size()) << name;
    }
    EXPECT_EQ(count, json.size()) << name;
    for (const CsvRow& row : csv) EXPECT_EQ(row.size(), csv.front().size()) << name;
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
  EXPECT_EQ(rows_of({"report", "cgroups", "--since", "2001-01-01", "--until", "2001-02-01"}).size(), std::size_t{0});
  EXPECT_EQ(rows_of({"report", "cgroups", "--until", "2099-01-01"}).size(), std::size_t{2});
}

TEST_F(Report, WithoutRowsForWantOfScansSaysSoInWhatPeopleRead) {
  const std::vector<std::string> asked{"top_cache", "--since", "2001-01-01", "--until", "2001-02-01"};
  const std::string text = out(asked), begins = "The history begins at 20";
  EXPECT_NE(text.find("(none)\n" + begins), std::string::npos) << text;
  EXPECT_NE(unwrapped(text).find("Z, after this window: ask with `--since 20"), std::string::npos) << text;
  EXPECT_NE(out(asked, "markdown").find("(none)\n\n" + begins), std::string::npos);
  EXPECT_NE(out(asked, "html").find("(none)</p>\n<p class=\"remark\">The history begins at <time>20"),
            std::string::npos);
  EXPECT_EQ(out(asked, "json"), "[]\n");
  EXPECT_EQ(out({"near_misses", "--since", "1h"}).find(begins), std::string::npos) << "this window has scans";
}

TEST_F(Report, TheWeeklySummaryBeginsWithASentenceThatAnswers) {
  const std::string text = out({});
  EXPECT_TRUE(text.starts_with("Memory report, 20")) << text;
  EXPECT_NE(unwrapped(text).find("Z, 1 reclaim freed nothing. No OOM kill was seen. 2 scans covered "),
            std::string::npos)
      << text;
  EXPECT_NE(unwrapped(text).find("and saw 2 cgroups. OOM kills by workload What the kernel killed "), std::string::npos)
      << text;
  const std::string markdown = out({}, "markdown");
  EXPECT_TRUE(markdown.starts_with("# Memory report, 20")) << markdown;
  EXPECT_NE(markdown.find("\n## Coverage\n"), std::string::npos) << markdown;
}

TEST_F(Report, TheWeeklySummaryAsAPageHasTheSameAnswerAndTables) {
  const Html page(out({}, "html"));
  EXPECT_EQ(activity_of(page), "");
  ASSERT_EQ(page.of_class("lead").size(), std::size_t{1});
  EXPECT_TRUE(page.of_class("lead")[0].text.ends_with("Z, 1 reclaim freed nothing.")) << page.of_class("lead")[0].text;
  const std::string text = out({}, "text");
  for (const auto& heading : page.all("h2")) {
    if (heading.text.starts_with("Freed in ")) continue;
    EXPECT_NE(text.find("\n" + heading.text + "\n"), std::string::npos) << heading.text;
  }
  // One chart, and the keys of its two bars. On a slow machine the time since the last scan is a gap, which has a key.
  const std::size_t pictures = page.all("svg").size();
  EXPECT_TRUE(pictures == 3 || pictures == 4) << pictures;
}

TEST_F(Report, TheWeeklySummaryAsCsvIsTheNumbersOfTheSentenceInOneRow) {
  const auto rows = parse_csv(out({}, "csv"));
  ASSERT_EQ(rows.size(), std::size_t{2});
  ASSERT_EQ(rows[0].size(), rows[1].size());
  const auto value = [&](const std::string& column) {
    const auto found = std::find(rows[0].begin(), rows[0].end(), column);
    return found == rows[0].end() ? "no column " + column : rows[1][static_cast<std::size_t>(found - rows[0].begin())];
  };
  EXPECT_EQ(value("scans"), "2");
  EXPECT_EQ(value("samples"), "4");
  EXPECT_EQ(value("cgroups"), "2");
  EXPECT_EQ(value("reclaims"), "1");
}

TEST_F(Report, TheWeeklySummaryAsJsonIsAllItsTables) {
  const auto tables = nlohmann::ordered_json::parse(out({}, "json"));
  ASSERT_GT(tables.size(), std::size_t{5});
  EXPECT_EQ(tables.items().begin().key(), "summary");
  EXPECT_EQ(tables["summary"].size(), std::size_t{1});
  EXPECT_EQ(tables["summary"][0]["reclaims"], 1);
  EXPECT_TRUE(tables["advice"].empty());
  EXPECT_EQ(tables["effects"].size(), std::size_t{1});
  for (const auto& table : tables) EXPECT_TRUE(table.is_array()) << table;
}

TEST_F(Report, TimesForPeopleCanBeInTheZoneOfTheMachine) {
  const Environment zone{{"TZ", "XXX-1"}};
  const auto said = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", config(), "--database", database()});
    return program(arguments, zone).out;
  };
  for (const std::string format : {"text", "markdown", "html"}) {
    EXPECT_NE(said({"report", "slowest", "--local-time", "--format", format}).find(" +01:00"), std::string::npos)
        << format;
    EXPECT_EQ(said({"report", "slowest", "--format", format}).find(" +01:00"), std::string::npos) << format;
  }
  EXPECT_NE(said({"history", "*", "--local-time"}).find(" +01:00"), std::string::npos);
  EXPECT_NE(said({"history", "*", "--local-time", "--format", "html"}).find("UTC+01:00"), std::string::npos);
  EXPECT_NE(said({"report", "slowest", "--local-time", "--format", "csv"}).find("Z,"), std::string::npos);
  EXPECT_EQ(said({"report", "--local-time", "--format", "json"}).find(" +01:00"), std::string::npos);
}

TEST_F(Report, ForPeopleSaysOfWhichTimeItIs) {
  const std::vector<std::string> window{"--since", "2020-01-01", "--until", "2020-01-02T03:04"};
  const std::string title = "Slowest reclaims (top ten)";
  for (const std::string format : {"text", "markdown", "html"}) {
    std::vector<std::string> arguments{"report", "slowest", "--format", format};
    arguments.insert(arguments.end(), window.begin(), window.end());
    const std::string said = ask(arguments).out;
    EXPECT_NE(said.find(format == "html" ? title + "<" : title + ", 2020-01-01T00:00:00Z to 2020-01-02T03:04:00Z"),
              std::string::npos)
        << said;
    for (const char* const end : {"2020-01-01T00:00:00Z", "2020-01-02T03:04:00Z"})
      EXPECT_NE(said.find(end), std::string::npos) << said;
  }
  EXPECT_TRUE(ask({"report", "cooldowns"}).out.starts_with("Cooldowns\n")) << "it has no begin";
}

TEST_F(Report, ExactFormatsHaveEachTimeInWordsToo) {
  const auto row = rows_of({"report", "slowest"})[0];
  const std::string words = row["started_at"];
  EXPECT_EQ(words.size(), std::string("2026-11-23T03:12:00.123456Z").size()) << words;
  EXPECT_EQ(number("SELECT unixepoch('" + words + "')"), row["started_at_us"].get<std::int64_t>() / 1'000'000) << words;
  const auto csv = parse_csv(out({"slowest"}, "csv"));
  const auto at = std::ranges::find(csv[0], "started_at_us");
  ASSERT_NE(at, csv[0].end());
  EXPECT_EQ(*(at - 1), "started_at");
  EXPECT_EQ(rows_of({"query", "SELECT 1 AS at_us"})[0].size(), std::size_t{1}) << "a query keeps its columns";
}

TEST_F(Report, ExactFormatsHaveThePathThatTheShortNameStandsFor) {
  EXPECT_EQ(nlohmann::json::parse(out({"top_cache"}, "json"))[0]["path"], "/over");
  EXPECT_EQ(out({"top_cache"}).find("path"), std::string::npos);
}

TEST_F(Report, AGlobThatMatchesNoCgroupIsAMistakeAndNotGoodNews) {
  const Answer answer = ask({"report", "--cgroup", "nope"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(answer.err,
            "cgroup-memory-manager: no cgroup matches \"nope\" in this window; `report cgroups` lists the "
            "cgroups that there are\n");
}

TEST_F(Report, OutputGoesWhereItIsToldAndNowhereElse) {
  // The title names the window: "now" may be a second later the next time.
  const std::time_t now = std::time(nullptr);
  char until[32];
  std::strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  for (const std::string& format : kFormats) {
    const std::string expected = out({"reclaims", "--since", "2020-01-01", "--until", until}, format);
    write(file("report.out"), "what was there before, and longer than what comes" + std::string(10'000, '.'));
    const Answer answer = ask({"report", "reclaims", "--since", "2020-01-01", "--until", until, "--format", format,
                               "--output", file("report.out")});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(answer.out + answer.err, "");
    EXPECT_EQ(content_of(file("report.out")), expected);
  }
  const Answer answer = ask({"report", "--output", file("nope/report.out")});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(answer.err, "cgroup-memory-manager: " + file("nope/report.out").string() + ": No such file or directory\n");
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

TEST_F(Report, ABadFileOfTheOperatorsIsNamedAndTheOthersAreListed) {
  write(reports_dir() / "mine.sql", "-- Mine\nSELECT 1");
  write(reports_dir() / "large.sql", std::string(2 << 20, ' '));
  const Answer answer = ask({"report", "--list", "--format", "csv"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_NE(answer.out.find("mine,Mine,reports_dir"), std::string::npos) << answer.out;
  EXPECT_NE(answer.out.find("summary,"), std::string::npos) << answer.out;
  EXPECT_EQ(answer.out.find("\nlarge,"), std::string::npos) << answer.out;
  EXPECT_NE(answer.err.find("/large.sql: File too large"), std::string::npos) << answer.err;
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
    EXPECT_EQ(answer.err,
              "cgroup-memory-manager: report \"bad\" of reports_dir: the query can't be run: " + why + "\n");
  }
  EXPECT_EQ(number("SELECT count(*) FROM sample"), 4);
}

/// A week on record: one cgroup whose name nobody wants to see raw churns, one has no room for its cache, one
/// gives back without missing it.
class Advice : public CliTest {
 protected:
  Advice() {
    for (const std::string& path : {kChurning, kFull, kIdle}) cgroups().put(path, v1_files(kBelow));
    scan();
    exec(
        "INSERT INTO node VALUES ('observe_for_us', 300000000) ON CONFLICT DO UPDATE SET value = "
        "excluded.value");
    for (int i = 0; i < 4; ++i) {
      add_reclaim({.path = kChurning, .freed_mib = 40, .refaulted_mib = i < 3 ? 38 : 6, .cache_mib = 50});
      add_reclaim({.path = kFull, .freed_mib = 50, .refaulted_mib = 50, .cache_mib = 80});
      add_reclaim({.path = kIdle, .freed_mib = 60, .refaulted_mib = 0, .cache_mib = 60, .held_mib_seconds = 18000});
    }
  }

  struct Watched {
    std::string path;
    int freed_mib, refaulted_mib, cache_mib;
    int held_mib_seconds = 180;
  };
  void add_reclaim(const Watched& one) const {
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    SQLite::Statement reclaim(
        db,
        "INSERT INTO reclaim (cgroup_id, started_at_us, method, threshold_bytes, freed_bytes, outcome, "
        "file_before_bytes) SELECT cgroup_id, first_seen_at_us, 'force_empty', 40 << 20, ? << 20, 'done', ? "
        "<< 20 "
        "FROM cgroup WHERE CAST(path AS BLOB) = CAST(? AS BLOB)");
    reclaim.bind(1, one.freed_mib);
    reclaim.bind(2, one.cache_mib);
    reclaim.bind(3, one.path);
    EXPECT_EQ(reclaim.exec(), 1);
    SQLite::Statement effect(
        db,
        "INSERT INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, regrown_bytes, held_byte_seconds, "
        "verdict, "
        "judged_by, ended_by) VALUES (last_insert_rowid(), 300000000, ?1 << 20, ?1 << 20, ?3 << 20, ?2, 'refaults', "
        "'observe_for')");
    effect.bind(1, one.refaulted_mib);
    effect.bind(2, 2 * one.refaulted_mib >= one.freed_mib ? "churn" : "effective");
    effect.bind(3, one.held_mib_seconds);
    effect.exec();
  }
  void exec(const std::string& sql) const { SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000).exec(sql); }
  std::string out(const std::string& format) const {
    const Answer answer = ask({"report", "--format", format});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_TRUE(is_utf8(answer.out));
    return answer.out;
  }
  nlohmann::json advice() const { return nlohmann::json::parse(out("json"))["advice"]; }

  inline static const std::string kChurning = "/a\nb\"c*[d]<script>\\\xff";
  inline static const std::string kFull = "/full";
  inline static const std::string kIdle = "/idle";
  inline static const std::string kRule = "cgroup = \"/a\\u000Ab\\\"c[*][[]d]\\u003Cscript\\u003E\\\\?\"";
};

TEST_F(Advice, LeadsTheTextWithARuleBelow) {
  const std::string text = out("text");
  const std::string name = "/a\\nb\"c*[d]<script>\\\\\\xff";
  const std::string sentence =
      "Z, 12 reclaims freed 600.0 MiB in 3 cgroups. 320.0 MiB of it (53 %) was read back within 5 minutes. "
      "280.0 MiB of it (47 %) was still free at the end of the observation (held: 20.4 MiB·h). No OOM kill was seen. "
      "This cgroup only "
      "churns: /full. "
      "Advice: exclude /full from reclaim; raise the threshold of " +
      name + " to 63 MiB; lower the threshold of /idle to 20 MiB (rules below). 1 scan ";
  EXPECT_NE(unwrapped(text).find(sentence), std::string::npos) << text;
  EXPECT_NE(unwrapped(text).find(" " + name +
                                 ": raise the threshold to 63 MiB. 3 of the 4 reclaims at the threshold of 40.0 "
                                 "MiB did not help: 120.0 MiB of the 160.0 MiB that was freed (75 %) was read back; "
                                 "its cache was up to 50.0 MiB. Over another "),
            std::string::npos)
      << text;
  EXPECT_NE(unwrapped(text).find(", that saves 120.0 MiB read again "
                                 "and 0 s of reclaiming, and gives up 204.8 KiB·h kept free. [[rule]] " +
                                 kRule + " threshold = \"63MiB\" "),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n/full: exclude it from reclaim. None of the 4 reclaims "), std::string::npos) << text;
  EXPECT_NE(text.find("\nWhat became of reclaims\n"), std::string::npos) << text;
}

TEST_F(Advice, IsFencedInMarkdown) {
  const std::string markdown = out("markdown");
  EXPECT_NE(markdown.find("\n## Advice\n"), std::string::npos) << markdown;
  EXPECT_NE(markdown.find("\n```toml\n[[rule]]\n" + kRule + "\nthreshold = \"63MiB\"\n```\n"), std::string::npos)
      << markdown;
  EXPECT_EQ(markdown.find("<script"), std::string::npos) << markdown;
}

TEST_F(Advice, IsReadyToBePastedFromAPage) {
  const Html page(out("html"));
  EXPECT_EQ(activity_of(page), "");
  ASSERT_EQ(page.all("pre").size(), std::size_t{3});
  EXPECT_EQ(page.all("pre")[1].text, "[[rule]]\n" + kRule + "\nthreshold = \"63MiB\"\n");
}

TEST_F(Advice, HasItsNumbersInCsv) {
  const auto rows = parse_csv(out("csv"));
  ASSERT_EQ(rows.size(), std::size_t{2});
  const auto value = [&](const std::string& column) {
    const auto found = std::find(rows[0].begin(), rows[0].end(), column);
    return found == rows[0].end() ? "no column " + column : rows[1][static_cast<std::size_t>(found - rows[0].begin())];
  };
  EXPECT_EQ(value("watched_reclaims"), "12");
  EXPECT_EQ(value("refaulted_bytes"), std::to_string(320 * kMiB));
  EXPECT_EQ(value("held_byte_seconds"), std::to_string((8 * 180 + 4 * 18000) * kMiB));
  EXPECT_EQ(value("observed_most_us"), "300000000");
}

TEST_F(Advice, DecidesForTheCgroupOnceItIsPastedAndIsNotGivenAgain) {
  const auto table = advice();
  ASSERT_EQ(table.size(), std::size_t{3}) << table;
  std::string rules;
  for (const auto& row : table) rules += row["rule"];
  EXPECT_EQ(table[1]["path"], "/a\nb\"c*[d]<script>\\\\\\xff");
  EXPECT_EQ(table[1]["advice"], "raise the threshold to 63 MiB");
  write_config(content_of(config()) + rules);
  std::vector<std::string> arguments = service_arguments({"--format", "json"});
  arguments.insert(arguments.begin(), "check");
  const auto check = nlohmann::json::parse(program(arguments).out);
  int checked = 0;
  for (const auto& row : check) {
    if (!row["item"].get<std::string>().starts_with("rule[")) continue;
    ++checked;
    EXPECT_TRUE(row["detail"].get<std::string>().ends_with(" decides for 1 cgroup now")) << row;
  }
  EXPECT_EQ(checked, 3);
  EXPECT_TRUE(advice().empty()) << advice();
}

TEST_F(Advice, IsNotOneThatTheConfigurationWouldRefuse) {
  write_config("threshold = '25%'\nreclaim_to = '20MiB'\n[[rule]]\ncgroup = '/f*'\nthreshold = '70MiB'\n");
  const auto rows = advice();
  ASSERT_EQ(rows.size(), std::size_t{2}) << "a rule's threshold has to be over reclaim_to: " << rows;
  EXPECT_EQ(rows[0]["path"], "/full") << "it has a rule, but not one that excludes it";
}

TEST_F(Advice, LeavesOutWhatTheConfigurationDoesAlready) {
  write_config("threshold = '1GiB'\n[[rule]]\ncgroup = '/full'\nreclaim = false\n");
  const auto rows = advice();
  ASSERT_EQ(rows.size(), std::size_t{1}) << rows;
  EXPECT_EQ(rows[0]["advice"], "lower the threshold to 20 MiB") << rows;
  EXPECT_EQ(out("text").find("only churn"), std::string::npos);
}

/// A history of the first version: nothing was watched then.
class OldHistory : public CliTest {
 protected:
  OldHistory() {
    cgroups().put("/web", v1_files(kBelow));
    SQLite::Database db(database(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    db.exec(content_of(CGMM_SOURCE_DIR "/schema/0001_history.sql"));
    db.exec("PRAGMA application_id = 0x63676d6d");
    db.exec("PRAGMA user_version = 1");
    db.exec(
        "INSERT INTO cgroup (path, inode, first_seen_at_us, last_seen_at_us, vanished_at_us) "
        "VALUES ('/web', 1, unixepoch() * 1000000 - 9000000, unixepoch() * 1000000 - 1000000, unixepoch() * 1000000 - "
        "1000000)");
    db.exec(
        "INSERT INTO scan (started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) "
        "SELECT first_seen_at_us, 1000, 1, 0, 0, 10000000 FROM cgroup");
    db.exec(
        "INSERT INTO reclaim (cgroup_id, started_at_us, method, threshold_bytes, freed_bytes, outcome) "
        "SELECT cgroup_id, first_seen_at_us, 'force_empty', 1, 4096, 'done' FROM cgroup");
  }

  void expect_a_report() const {
    for (const std::string& format : kFormats) {
      const Answer answer = ask({"report", "--format", format});
      EXPECT_EQ(answer.exit_code, 0) << answer.err;
    }
    const std::string text = ask({"report"}).out;
    EXPECT_NE(unwrapped(text).find(
                  "Z, 1 reclaim freed 4.0 KiB in 1 cgroup. How much of it was read back or stayed free is not known. "),
              std::string::npos)
        << text;
    EXPECT_EQ(rows_of({"report", "effects"})[0]["watched"], 0);
    EXPECT_TRUE(rows_of({"report", "backed_off"}).empty());
  }
};

TEST_F(OldHistory, ReadsWellBeforeAndAfterItIsMigrated) {
  expect_a_report();
  EXPECT_EQ(number("PRAGMA user_version"), 1);
  scan();
  EXPECT_GT(number("PRAGMA user_version"), 1);
  expect_a_report();
}

}  // namespace
}  // namespace cgmm::test
