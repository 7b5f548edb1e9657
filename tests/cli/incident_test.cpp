// SPDX-License-Identifier: Apache-2.0
// `incident` from outside: the list, one kill in every format, and what is said where there is none.
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Incident : public CliTest {
 protected:
  Incident() {
    cgroups().put("/web", v1_files(kOver));
    cgroups().put("/db", v1_files(kBelow));
  }
  /// After a reclaim and a few scans, a process of /web is killed, as the kernel's log would tell it.
  void kill_one(const std::string& victim = "python3") {
    scan();
    scan(/*cycles=*/2);
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    SQLite::Statement insert(
        db,
        "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, victim_pid, cause, "
        "measured_by, "
        "measured_at_us, limit_bytes, usage_bytes, anon_bytes, cache_bytes, limit_path) "
        "SELECT cgroup_id, (SELECT max(started_at_us) FROM scan), 'kernel_log', 'cgroup', ?1, 42, "
        "'anon_growth', "
        "'kernel_log', (SELECT max(started_at_us) FROM scan), 104857600, 104857600, 100000000, 0, path "
        "FROM cgroup WHERE path = '/web'");
    insert.bind(1, victim);
    insert.exec();
  }
  std::string refused(const std::vector<std::string>& arguments, int exit_code) const {
    const Answer answer = ask(arguments);
    EXPECT_EQ(answer.exit_code, exit_code) << answer.err;
    EXPECT_EQ(answer.out, "");
    constexpr std::string_view kProgram = "cgroup-memory-manager: ";
    EXPECT_TRUE(answer.err.starts_with(kProgram)) << answer.err;
    return answer.err.substr(std::min(kProgram.size(), answer.err.size()));
  }
};

TEST_F(Incident, TheListIsWhatItShowsWithoutAWord) {
  kill_one();
  const Answer answer = ask({"incident"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_TRUE(answer.out.starts_with("OOM kills and stuck cgroups, 20")) << answer.out;
  EXPECT_NE(answer.out.find("/web        1  python3  anon growth  100.0 MiB\n"), std::string::npos) << answer.out;
  const auto rows = rows_of({"incident", "list"});
  ASSERT_EQ(rows.size(), std::size_t{1});
  EXPECT_EQ(rows[0]["id"], 1);
  EXPECT_EQ(rows[0]["path"], "/web");
  EXPECT_EQ(rows[0]["cause"], "anon_growth") << "words are for people";
  const std::string csv = ask({"incident", "list", "--format", "csv"}).out;
  EXPECT_EQ(parse_csv(csv).size(), std::size_t{2});
  EXPECT_NE(csv.find(",anon_growth,"), std::string::npos) << csv;
  EXPECT_EQ(rows_of({"incident", "list", "--cgroup", "db"}).size(), std::size_t{0});
  EXPECT_EQ(rows_of({"incident", "list", "--since", "2020-01-01", "--until", "2021-01-01"}).size(), std::size_t{0});
}

TEST_F(Incident, TheLatestCanBeThatOfAWorkloadOrCgroup) {
  kill_one("first");
  scan();
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec(
          "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, cause) "
          "SELECT cgroup_id, (SELECT max(started_at_us) FROM scan), 'kernel_log', 'cgroup', 'second', 'anon_growth' "
          "FROM cgroup WHERE path = '/db'");
  EXPECT_TRUE(ask({"incident", "show", "latest"}).out.starts_with("OOM kill 2 "));
  for (const std::string option : {"--workload", "--cgroup"}) {
    const Answer web = ask({"incident", "show", "latest", option, "/web"});
    EXPECT_TRUE(web.out.starts_with("OOM kill 1 ")) << web.out << web.err;
    EXPECT_TRUE(ask({"incident", "show", "latest", option, "/d*"}).out.starts_with("OOM kill 2 "));
    EXPECT_EQ(refused({"incident", "show", "1", option, "/web"}, 2),
              option + " is an option of incident list and incident show latest\n");
  }
  EXPECT_EQ(refused({"incident", "show", "latest", "--workload", "we"}, 1),
            "there is no OOM kill of a workload that matches \"we\"; the latest of all is 2\n");
  EXPECT_EQ(refused({"incident", "show", "latest", "--cgroup", "a", "--workload", "b"}, 2),
            "--workload \"b\" and the cgroup \"a\": expected one of the two\n");
}

TEST_F(Incident, OfThousandsAreListedForPeopleTheNewestThousandForProgramsAll) {
  kill_one();
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1233) "
          "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm) "
          "SELECT cgroup_id, killed_at_us - i, 'kernel_log', 'cgroup', 'older' FROM oom_kill, n");
  const std::string more = "... and 234 more rows: ";
  for (const std::vector<std::string>& list :
       {std::vector<std::string>{"incident", "--all"}, {"report", "oom_kills"}}) {
    const auto out = [&](const std::string& format) {
      std::vector<std::string> command = list;
      command.insert(command.end(), {"--format", format});
      return ask(command).out;
    };
    EXPECT_NE(out("text").find("\n" + more), std::string::npos);
    EXPECT_NE(out("text").find("  python3  "), std::string::npos) << "the newest";
    EXPECT_NE(out("markdown").find("\n\n" + more), std::string::npos);
    const Html page(out("html"));
    EXPECT_EQ(page.all("tr").size(), 1001u);
    EXPECT_TRUE(std::ranges::any_of(page.all("p"), [&](const auto& p) { return p.text.starts_with(more); }));
    EXPECT_EQ(parse_csv(out("csv")).size(), 1235u);
    EXPECT_EQ(rows_of(list).size(), 1234u);
  }
}

TEST_F(Incident, RepeatedKillsOfAWorkloadAreOneRowAndThoseOutsideAreALine) {
  kill_one();
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec(
          "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, cause, kill_count, victim_path) "
          "SELECT cgroup_id, killed_at_us - 60000000, 'kernel_log', 'cgroup', 'older', 'file_growth', 3, NULL "
          "FROM oom_kill UNION ALL "
          "SELECT NULL, killed_at_us - 1000000, 'kernel_log', 'node', 'outside', 'node', 5, '/elsewhere' FROM "
          "oom_kill");
  const std::string text = ask({"incident"}).out;
  EXPECT_NE(text.find("\n 1  "), std::string::npos) << text;
  EXPECT_NE(text.find("  /web        4  python3  "), std::string::npos) << text;
  EXPECT_EQ(text.find("/elsewhere"), std::string::npos) << text;
  EXPECT_NE(text.find("\nid is the latest of a workload's kills: `incident list --all` has each\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("\n5 kills outside of what is tracked, the last one at 20"), std::string::npos) << text;
  EXPECT_NE(ask({"incident", "--cgroup", "elsewhere"}).out.find("/elsewhere      5  outside"), std::string::npos);
  const std::string all = ask({"incident", "list", "--all"}).out;
  for (const char* const part : {"  older  ", "  outside  ", "  python3  "}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << " in\n" << all;
  }
  EXPECT_EQ(rows_of({"incident"}).size(), std::size_t{3}) << "a row for each kill";
  const Html page(ask({"incident", "--format", "html"}).out);
  EXPECT_EQ(activity_of(page), "");
  EXPECT_EQ(page.all("tr").size(), std::size_t{2});
  EXPECT_NE(ask({"incident", "show", "latest"}).out.find("OOM kill 1 at"), std::string::npos);
}

TEST_F(Incident, AKillThatIsSeenBetweenTwoScansIsInTheLogAtOnce) {
  const auto full = [](std::uint64_t oom_kills) {
    return v1_files({.file_bytes = kMiB, .anon_bytes = 95 * kMiB, .limit_bytes = 100 * kMiB, .oom_kills = oom_kills});
  };
  cgroups().put("/web", full(0));
  ServiceProcess service(service_arguments({"--interval", "1h"}), log());
  ASSERT_TRUE(wait_for_scans(2)) << "the first one, and what is sampled every second";
  cgroups().put("/web", full(1));
  EXPECT_TRUE(eventually(
      [&] { return content_of(log()).find("the counter of OOM kills rose by 1 in /web") != std::string::npos; }));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
  EXPECT_EQ(number("SELECT count(*) FROM oom_kill"), 1);
}

TEST_F(Incident, ACgroupThatStandsStillIsListedAndShownAndEndsWhenItGoesOn) {
  Files files = v1_files(kBelow);
  files["memory.oom_control"] = "oom_kill_disable 1\nunder_oom 1\noom_kill 0\n";
  cgroups().put("/db", files);
  scan();
  const Answer list = ask({"incident"});
  EXPECT_TRUE(list.out.starts_with("OOM kills and stuck cgroups, 20")) << list.out;
  EXPECT_NE(list.out.find("out of memory, OOM killer disabled"), std::string::npos) << list.out;
  for (const char* const id : {"s1", "latest"}) {
    const Answer shown = ask({"incident", "show", id});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_TRUE(shown.out.starts_with("Incident s1: out of memory, OOM killer disabled, from 20")) << shown.out;
    EXPECT_NE(shown.out.find("It goes on, as far as is known"), std::string::npos) << shown.out;
  }
  scan();
  EXPECT_EQ(number("SELECT count(*) FROM stuck WHERE ended_by IS NULL"), 1) << "a restart does not double it";
  cgroups().put("/db", v1_files(kBelow));
  scan();
  EXPECT_EQ(text("SELECT group_concat(ended_by) FROM stuck"), "over");
  EXPECT_EQ(refused({"incident", "show", "s7"}, 1),
            "there is no incident s7; the latest is s1, and `incident list --since 365d` has more\n");
}

TEST_F(Incident, ShowTellsWhoWhyAndWhatLedUpToIt) {
  kill_one();
  for (const char* const id : {"latest", "1"}) {
    const Answer answer = ask({"incident", "show", id});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_TRUE(answer.out.starts_with("OOM kill 1 at 20")) << answer.out;
    for (const char* const part :
         {"\nwho     python3 (pid 42) in cgroup /web\n", "\ncache   No page cache was left at the kill",
          "usage, limit 100.0 MiB", "▲", "Samples around the kill\n", "Reclaims of it\n",
          "Neighbours that grew most until the kill\n"}) {
      EXPECT_NE(answer.out.find(part), std::string::npos) << part << " in\n" << answer.out;
    }
  }
}

TEST_F(Incident, ShowAsJsonIsExactAndAsMarkdownADocument) {
  kill_one();
  const auto json = nlohmann::json::parse(ask({"incident", "show", "latest", "--format", "json"}).out);
  EXPECT_EQ(json["kill"]["oom_kill_id"], 1);
  EXPECT_EQ(json["kill"]["path"], "/web");
  EXPECT_EQ(json["samples"].size(), std::size_t{3});
  EXPECT_EQ(json["samples"][0]["usage_bytes"], 68 * kMiB);
  EXPECT_EQ(json["reclaims"].size(), std::size_t{1});
  EXPECT_EQ(json["window"]["until_us"].get<std::int64_t>(), json["kill"]["killed_at_us"].get<std::int64_t>() + 1)
      << "the history ends with the kill";
  EXPECT_TRUE(ask({"incident", "show", "1", "--format", "markdown"}).out.starts_with("# OOM kill 1 at 20"));
  const std::string page = ask({"incident", "show", "1", "--format", "html"}).out;
  EXPECT_EQ(activity_of(Html(page)), "");
  EXPECT_NE(page.find("<h1>OOM kill 1: python3 (pid 42) in cgroup /web</h1>"), std::string::npos) << page;
  EXPECT_NE(page.find(" on " + text("SELECT value FROM node WHERE key = 'node'") + "</p>"), std::string::npos) << page;
}

TEST_F(Incident, TheWindowIsHowLongBefore) {
  kill_one();
  {
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    db.exec("UPDATE scan SET started_at_us = started_at_us - 7200000000 WHERE scan_id = 1");
  }
  const auto samples = [&](const std::vector<std::string>& window) {
    std::vector<std::string> arguments{"incident", "show", "latest", "--format", "json"};
    arguments.insert(arguments.end(), window.begin(), window.end());
    return nlohmann::json::parse(ask(arguments).out)["samples"].size();
  };
  EXPECT_EQ(samples({}), std::size_t{2});
  EXPECT_EQ(samples({"--window", "1h"}), std::size_t{2});
  EXPECT_EQ(samples({"--window", "3h"}), std::size_t{3});
  for (const char* const wrong : {"", "0", "-1", "soon", "366d"}) {
    EXPECT_EQ(refused({"incident", "show", "latest", "--window", wrong}, 2),
              "--window = \"" + std::string(wrong) + "\": expected a duration up to \"365d\" such as \"30m\"\n");
  }
}

TEST_F(Incident, WhatCannotBeMeantIsUsage) {
  kill_one();
  EXPECT_EQ(refused({"incident", "tell"}, 2), "incident \"tell\": expected list or show\n");
  EXPECT_EQ(refused({"incident", "show"}, 2),
            "incident show: which one? `incident show latest`, or a number of `incident list`\n");
  for (const char* const wrong : {"last", "0", "1x", "99999999999999999999"}) {
    EXPECT_EQ(refused({"incident", "show", wrong}, 2),
              "incident show \"" + std::string(wrong) +
                  "\": expected the number of an OOM kill (`incident list` has them) or \"latest\"\n");
  }
  EXPECT_EQ(refused({"incident", "show", "shop/web/app"}, 2),
            "incident show \"shop/web/app\": expected the number of an OOM kill (`incident list` has them) or "
            "\"latest\"; of a workload: `incident show latest --workload shop/web/app`\n");
  EXPECT_EQ(refused({"incident", "list", "1"}, 2), "incident list takes no number; `incident show 1` does\n");
  EXPECT_EQ(refused({"incident", "list", "--window", "1h"}, 2), "--window is an option of incident show\n");
  EXPECT_EQ(refused({"incident", "show", "1", "--since", "1h"}, 2), "--since is an option of incident list\n");
  EXPECT_EQ(refused({"incident", "show", "1", "--format", "csv"}, 2),
            "CSV and NDJSON hold one table, and an incident is several; choose text, markdown, html or json\n");
}

TEST_F(Incident, AKillThatIsNotThereIsASentenceWithWhatToDoNext) {
  kill_one();
  EXPECT_EQ(refused({"incident", "show", "99"}, 1),
            "there is no OOM kill 99; the latest is 1, and `incident list --since 365d` has more\n");
}

TEST_F(Incident, AHistoryWithoutAKillSaysWhenItBegins) {
  scan();
  const Answer list = ask({"incident"});
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_NE(list.out.find("(none)\n\nthe history begins at 20"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find(" and holds no OOM kill; "), std::string::npos) << list.out;
  EXPECT_TRUE(rows_of({"incident", "list"}).empty());
  const std::string refusal = refused({"incident", "show", "latest"}, 1);
  EXPECT_TRUE(refusal.starts_with("the history begins at 20")) << refusal;
  EXPECT_NE(refusal.find(" and holds no OOM kill; "), std::string::npos) << refusal;
}

TEST_F(Incident, AListThatHasNoneNamesTheLatestOfAll) {
  kill_one();
  const Answer answer = ask({"incident", "list", "--since", "2020-01-01", "--until", "2021-01-01"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_NE(answer.out.find("(none)\n\nthe latest of all was at 20"), std::string::npos) << answer.out;
  EXPECT_TRUE(answer.out.ends_with("`incident show 1`\n")) << answer.out;
  const std::string page =
      ask({"incident", "list", "--since", "2020-01-01", "--until", "2021-01-01", "--format", "html"}).out;
  EXPECT_EQ(activity_of(Html(page)), "");
  EXPECT_NE(page.find(": <code>incident show 1</code></p>"), std::string::npos) << page;
}

TEST_F(Incident, AVictimsNameIsHarmless) {
  kill_one("\x1b[31m\n<script>|\xff");
  for (const std::string& format : kFormats) {
    const Answer answer = ask({"incident", "list", "--format", format});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_TRUE(is_utf8(answer.out)) << format;
    if (format == "csv" || format == "ndjson") continue;
    const Answer one = ask({"incident", "show", "latest", "--format", format});
    EXPECT_EQ(one.exit_code, 0) << one.err;
    EXPECT_TRUE(is_utf8(one.out)) << format;
    EXPECT_TRUE(format == "text" || format == "json" || one.out.find("<script") == std::string::npos) << one.out;
  }
}

TEST_F(Incident, OutputGoesWhereItIsTold) {
  kill_one();
  const std::string expected = ask({"incident", "show", "latest"}).out;
  EXPECT_EQ(ask({"incident", "show", "latest", "--output", file("incident.txt")}).out, "");
  EXPECT_EQ(content_of(file("incident.txt")), expected);
}

}  // namespace
}  // namespace cgmm::test
