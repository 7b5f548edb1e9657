// SPDX-License-Identifier: Apache-2.0
// `history` and `query`: what they answer, in which formats, and beside a running service.
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class History : public CliTest {
 protected:
  History() { cgroups().put("/web", v1_files(kOver)); }
};

TEST_F(History, HistoryDrawsAChartAndItsDataFormatsHaveEverySample) {
  cgroups().put("/quiet", v1_files(kBelow));
  scan(/*cycles=*/5);
  const Answer text = ask({"history", "/web"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_TRUE(text.out.starts_with("/web\nfirst seen 20")) << text.out;
  EXPECT_NE(text.out.find("; limit 100.0 MiB; 1 reclaim\n\nusage\n"), std::string::npos) << text.out;
  for (const char* const part :
       {"┤", "█", "└", "limit ┤╌", "128 MiB", "reclaimable cache\n", "swap: 0 all the time\n", "▼ reclaim"}) {
    EXPECT_NE(text.out.find(part), std::string::npos) << part << " in\n" << text.out;
  }
  EXPECT_EQ(text.out.find("/quiet"), std::string::npos);

  const auto rows = rows_of({"history", "/web"});
  ASSERT_EQ(rows.size(), std::size_t{5});
  for (const auto& row : rows) {
    EXPECT_EQ(row["path"], "/web");
    EXPECT_EQ(row["usage_bytes"], 68 * kMiB);
    EXPECT_EQ(row["reclaimable_cache_bytes"], 60 * kMiB);
  }
  EXPECT_EQ(parse_csv(ask({"history", "/web", "--format", "csv"}).out).size(), std::size_t{6});
  EXPECT_EQ(rows_of({"history", "*"}).size(), std::size_t{10});
  EXPECT_EQ(rows_of({"history", "we"}).size(), std::size_t{5}) << "a part of the path is enough";
  EXPECT_TRUE(
      ask({"history", "/web", "--format", "markdown"}).out.starts_with("## History\n\n| at | cgroup | usage |"));
}

TEST_F(History, AWorkloadIsAskedForAsAWholeAndAPartOfItIsEnoughWithoutTheOption) {
  scan();
  EXPECT_EQ(rows_of({"history", "--workload", "/web"}).size(), std::size_t{1});
  EXPECT_EQ(rows_of({"history", "--workload", "/w*"})[0]["workload"], "/web");
  EXPECT_EQ(rows_of({"history", "--workload", "/w*", "--each"})[0]["measured"], "sample");
  const Answer part = ask({"history", "--workload", "we"});
  EXPECT_EQ(part.exit_code, 1);
  EXPECT_NE(part.err.find("no samples of a workload that matches \"we\" in this window"), std::string::npos)
      << part.err;
  EXPECT_EQ(ask({"report", "--workload", "we"}).exit_code, 1);
  EXPECT_EQ(rows_of({"report", "cgroups", "--workload", "/web"}).size(), std::size_t{1});
  EXPECT_EQ(ask({"incident", "list", "--workload", "/web"}).exit_code, 0);
  EXPECT_EQ(ask({"incident", "show", "1", "--workload", "/web"}).exit_code, 2);
}

TEST_F(History, WhereSamplesAreGoneHoursAnswer) {
  scan(/*cycles=*/2);
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec(
          "INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, usage_avg_kib, usage_max_kib) "
          "SELECT (SELECT max(started_at_us) / 3600000000 - 8 * 24 FROM scan) * 3600000000, cgroup_id, 360, 1024, 4096 "
          "FROM cgroup WHERE path = '/web';"
          "UPDATE cgroup SET first_seen_at_us = 1");
  const Answer text = ask({"history", "web", "--since", "9d", "--until", "7d"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("\nFrom hourly averages; samples are kept for 100d.\n"), std::string::npos) << text.out;
  const auto rows = rows_of({"history", "web", "--since", "9d"});
  ASSERT_EQ(rows.size(), std::size_t{3}) << "the hour and the samples";
  EXPECT_EQ(rows[0]["measured"], "hour");
  EXPECT_EQ(rows[0]["usage_bytes"], kMiB);
  EXPECT_EQ(rows[0]["usage_max_bytes"], 4 * kMiB);
  EXPECT_EQ(rows[1]["measured"], "sample");
  EXPECT_NE(ask({"history", "web", "--since", "9d"}).out.find(" from hourly averages; samples are kept"),
            std::string::npos);
}

TEST_F(History, HistoryIsAPageOfChartsWithWhatHappenedMeanwhile) {
  for (int i = 0; i < 9; ++i) cgroups().put("/quiet" + std::to_string(i), v1_files(kBelow));
  scan(/*cycles=*/5);
  const Answer answer = ask({"history", "/*", "--format", "html"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  const Html page(answer.out);
  EXPECT_EQ(activity_of(page), "");
  EXPECT_EQ(page.all("figure").size(), std::size_t{8});
  EXPECT_EQ(page.all("h2").at(0).text, "/quiet0");
  EXPECT_NE(answer.out.find("... and 2 more: narrow the glob, or take <code>--format csv</code>"), std::string::npos);
  const std::string web = ask({"history", "/web", "--format", "html"}).out;
  for (const char* const part :
       {"usage <span>up to 68.0 MiB", "reclaimable cache <span>up to 60.0 MiB", "anonymous <span>up to 8.0 MiB",
        "1 reclaim<", "Samples", "limit <span>100.0 MiB", "<td class=\"num\">68.0 MiB"}) {
    EXPECT_NE(web.find(part), std::string::npos) << part << " in\n" << web;
  }
}

TEST_F(History, HistoryFoldsManySamplesIntoFewRowsWithoutLosingAKill) {
  scan(/*cycles=*/1);
  cgroups().put("/web", v1_files({.file_bytes = kOver.file_bytes, .anon_bytes = kOver.anon_bytes, .oom_kills = 2}));
  scan(/*cycles=*/29);
  EXPECT_EQ(number("SELECT count(*) FROM v_oom_kill WHERE path = '/web' AND source = 'counter'"), 2);
  const Answer text = ask({"history", "/web"});
  EXPECT_NE(text.out.find("30 samples, 3 in a row: "), std::string::npos) << text.out;
  const std::size_t table = text.out.find("─────");
  EXPECT_NE(text.out.find(" 2\n", table), std::string::npos) << text.out;
}

TEST_F(History, APeakOfSeveralSamplesIsNoLessThanTheirUsage) {
  scan(/*cycles=*/30);
  SQLite::Database(database(), SQLite::OPEN_READWRITE)
      .exec("UPDATE sample SET peak_kib = 5 * 1024, usage_kib = 4 * 1024 WHERE scan_id = 1");
  const std::string web = ask({"history", "/web", "--wide"}).out;
  EXPECT_NE(web.find("68.0 MiB  68.0 MiB"), std::string::npos) << "usage and peak of the first rows\n" << web;
  EXPECT_EQ(web.find(" 5.0 MiB"), std::string::npos) << web;
}

TEST_F(History, NothingInACopiedTreeIsExplainedByTheKernelsOwnLog) {
  scan();
  const std::string csv = ask({"query", "SELECT value FROM node WHERE key = 'kernel_log'", "--format", "csv"}).out;
  EXPECT_EQ(csv, "value\noff: it says nothing of a copied or fake tree\n");
}

TEST_F(History, HistoryOfACgroupThatIsNotThereIsASentenceAndExitCodeOne) {
  scan();
  const Answer answer = ask({"history", "/nope", "--since", "2h"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(answer.out, "");
  EXPECT_EQ(answer.err,
            "cgroup-memory-manager: no samples of a cgroup that matches \"/nope\" in this window; `report cgroups "
            "--since 2h` lists the cgroups that there are\n");
}

TEST_F(History, QueryAnswersInEveryFormat) {
  scan();
  const std::vector<std::string> query{"query",
                                       "SELECT path, 1.5 AS half, NULL AS absent, 'a,\"b' AS text FROM v_cgroup"};
  const auto as = [&](const std::string& format) {
    auto arguments = query;
    arguments.insert(arguments.end(), {"--format", format});
    return ask(arguments).out;
  };
  EXPECT_EQ(ask(query).out, as("text"));
  EXPECT_EQ(as("csv"), "path,half,absent,text\n/web,1.5,,\"a,\"\"b\"\n");
  EXPECT_EQ(as("markdown"),
            "| path | half | absent | text |\n| --- | ---: | --- | --- |\n| /web | 1.5 | - | a,\"b |\n");
  EXPECT_NE(as("html").find("<td class=\"at\">a,&quot;b</td>"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(as("json")),
            nlohmann::json::parse(R"([{"path": "/web", "half": 1.5, "absent": null, "text": "a,\"b"}])"));
  EXPECT_TRUE(as("text").starts_with("path")) << as("text");
}

TEST_F(History, QueryKeepsTheNamesOfItsColumnsAndAllOfThem) {
  scan();
  const std::string sql = "SELECT path, path AS cgroup, 2048 AS freed_bytes FROM v_cgroup";
  const std::string text = ask({"query", sql}).out;
  EXPECT_TRUE(text.starts_with("path  cgroup  freed_bytes\n")) << text;
  EXPECT_NE(text.find("2.0 KiB"), std::string::npos) << text;
}

TEST_F(History, TheReadersWorkBesideTheServiceAndOnACopiedFile) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_GE(rows_of({"history", "/web"}).size(), std::size_t{2});
  EXPECT_EQ(ask({"report"}).exit_code, 0);
  service.signal(SIGTERM);
  ASSERT_EQ(service.wait_for_exit(), 0);

  std::filesystem::create_directory(file("copy"));
  std::filesystem::copy_file(database(), file("copy/h.db"));
  std::filesystem::permissions(file("copy/h.db"), std::filesystem::perms::owner_read);
  std::filesystem::permissions(file("copy"), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const Answer answer = program({"query", "SELECT count(*) > 1 AS some FROM scan", "--format", "csv", "--config",
                                 config(), "--database", file("copy/h.db")});
  std::filesystem::permissions(file("copy"), std::filesystem::perms::owner_all);
  EXPECT_EQ(answer.out, "some\n1\n") << answer.err;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(file("copy"))) files.push_back(entry.path().filename());
  EXPECT_EQ(files, std::vector<std::string>{"h.db"}) << "a reader leaves nothing behind";
}

TEST_F(History, BackupMakesACopyWhileTheServiceWritesAndCheckLooksThroughIt) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(3));
  const std::string copy = file("copy.db");
  const Answer answer = ask({"history", "backup", copy});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_EQ(answer.out, copy + " is a sound copy of " + database().string() + "\n");
  EXPECT_EQ(ask({"history", "backup", copy}).err,
            "cgroup-memory-manager: " + copy + " exists already: a backup overwrites nothing\n");
  EXPECT_EQ(ask({"history", "web", copy}).exit_code, 2);
  EXPECT_EQ(ask({"history", "backup"}).exit_code, 1) << "alone it is a glob that matches nothing";
  const std::vector<std::string> check{"check", "--database", copy, "--parent", cgroups().root(), "--format", "csv"};
  const Answer sound = program(check);
  EXPECT_EQ(sound.exit_code, 0) << sound.out;
  EXPECT_NE(sound.out.find("ok,soundness,"), std::string::npos) << sound.out;
  std::filesystem::resize_file(copy, std::filesystem::file_size(copy) - 2048);
  EXPECT_EQ(program(check).exit_code, 1);
}

}  // namespace
}  // namespace cgmm::test
