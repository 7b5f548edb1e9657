// SPDX-License-Identifier: Apache-2.0
// What is wrong with a command line or a configuration is said in one sentence, with exit code 2, before
// anything is done.
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

struct Case {
  std::vector<std::string> arguments;  // {dir} is this test's directory
  std::string message;                 // the same
};

class Usage : public CliTest {
 protected:
  Usage() { cgroups().put("/web", v1_files(kOver)); }

  std::string with_dir(std::string text) const {
    for (auto at = text.find("{dir}"); at != std::string::npos; at = text.find("{dir}")) {
      text.replace(at, 5, file("").parent_path().string());
    }
    return text;
  }
  void expect_refused(const Case& wrong, std::vector<std::string> more) const {
    std::vector<std::string> arguments;
    for (const std::string& argument : wrong.arguments) arguments.push_back(with_dir(argument));
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Answer answer = program(arguments);
    EXPECT_EQ(answer.err, "cgroup-memory-manager: " + with_dir(wrong.message) + "\n");
    EXPECT_EQ(answer.out, "");
    EXPECT_EQ(answer.exit_code, 2);
  }
};

constexpr auto kSeeHelp = "\nRun with --help for more information.";
const std::string kThreshold =
    R"(expected a size such as "512Mi" or "100MB", or a percentage of the cgroup's limit such as "25%")";
const std::string kInterval = R"(expected a duration from "100ms" to "1d" such as "10s", or a number of seconds)";
const std::string kCooldown = R"(expected a duration up to "365d" such as "30s", or a number of seconds)";
const std::string kWhen = R"(expected a duration before now such as "7d" or "90m", or a time in UTC such as )"
                          R"("2026-11-23" or "2026-11-23T03:12:00Z")";

TEST_F(Usage, WhatIsMisspeltGetsTheNearestWord) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"report", "--sinc", "7d"}, "Did you mean --since?"},
      {{"report", "--untill=7d"}, "Did you mean --until?"},
      {{"history", "x", "--formta", "csv"}, "Did you mean --format?"},
      {{"--treshold", "25%"}, "Did you mean --threshold?"},
      {{"reprot"}, "Did you mean report?"},
      {{"chek"}, "Did you mean check?"},
      {{"help", "hstory"}, "Did you mean history?"},
      {{"report", "top_cach"}, "did you mean \"top_cache\"?"},
  };
  for (const auto& [arguments, said] : cases) {
    const Answer answer = program(arguments);
    EXPECT_EQ(answer.exit_code, 2) << said;
    EXPECT_NE(answer.err.find(said), std::string::npos) << answer.err;
  }
  EXPECT_EQ(program({"report", "--xyzzy"}).err.find("Did you mean"), std::string::npos);
}

TEST_F(Usage, HelpAndVersionCanBeHadInMoreThanOneWay) {
  EXPECT_EQ(program({"help"}).out, program({"--help"}).out);
  EXPECT_EQ(program({"-V"}).out, program({"--version"}).out);
  for (const std::string command : {"run", "report", "history", "incident", "status", "check", "query", "metrics",
                                    "live", "serve", "ship", "fleet"}) {
    const Answer answer = program({"help", command});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(answer.out, program({command, "--help"}).out) << command;
    const std::size_t examples = answer.out.find("\nExamples:\n");
    ASSERT_NE(examples, std::string::npos) << answer.out;
    EXPECT_NE(answer.out.find("\n  cgroup-memory-manager " + command, examples), std::string::npos) << answer.out;
  }
  EXPECT_EQ(program({"--help"}).out.find("complete"), std::string::npos) << "it is for shells";
}

TEST_F(Usage, AnOptionOfTheServiceThatCannotBeTakenIsNamedWithWhatWasExpected) {
  const std::vector<Case> cases{
      {{"--frobnicate"}, std::string("The following argument was not expected: --frobnicate") + kSeeHelp},
      {{"frobnicate"}, std::string("The following argument was not expected: frobnicate") + kSeeHelp},
      {{"--fro\x1b[31m"}, std::string("The following argument was not expected: --fro\\x1b[31m") + kSeeHelp},
      {{"--cycles", "0"}, R"(--cycles = "0": expected a number of scans, 1 or more)"},
      {{"--cycles=-1"}, R"(--cycles = "-1": expected a number of scans, 1 or more)"},
      {{"--cycles", "2x"}, R"(--cycles = "2x": expected a number of scans, 1 or more)"},
      {{"--cycles", "99999999999999999999"},
       R"(--cycles = "99999999999999999999": expected a number of scans, 1 or more)"},
      {{"--threshold", "garbage"}, R"(--threshold = "garbage": )" + kThreshold},
      {{"--threshold", ""}, R"(--threshold = "": )" + kThreshold},
      {{"--threshold", "-1"}, R"(--threshold = "-1": )" + kThreshold},
      {{"--threshold", "101%"}, R"(--threshold = "101%": expected a percentage between 0% and 100%)"},
      {{"--interval", "-1"}, R"(--interval = "-1": )" + kInterval},
      {{"--interval=-1"}, R"(--interval = "-1": )" + kInterval},
      {{"--interval", "0"}, R"(--interval = "0": )" + kInterval},
      {{"--interval", "nan"}, R"(--interval = "nan": )" + kInterval},
      {{"--cooldown", "-1"}, R"(--cooldown = "-1": )" + kCooldown},
      {{"--cooldown", "for ever"}, R"(--cooldown = "for ever": )" + kCooldown},
      {{"--log-level", "loud"}, R"(--log-level = "loud": expected "trace", "debug", "info", "warn", "error" or "off")"},
      {{"--database", ""}, R"(--database = "": expected the path of a file)"},
  };
  for (const Case& one : cases) expect_refused(one, {"--config", config()});
  for (const Case& one : cases) {
    if (one.arguments.front() == "frobnicate") continue;
    Case with_run = one;
    with_run.arguments.insert(with_run.arguments.begin(), "run");
    expect_refused(with_run, {"--config", config()});
  }
}

TEST_F(Usage, AConfigurationThatCannotBeTakenIsNamedWithFileAndLine) {
  write(file("unknown.toml"), "interval = '10s'\ntreshold = '1%'\n");
  write(file("value.toml"), "\n\ninterval = 'soon'\n");
  write(file("rule.toml"), "[[rule]]\ncgroup = '/a'\ncooldwn = '1s'\n");
  write(file("syntax.toml"), "interval = \n");
  const std::vector<Case> cases{
      {{"--config", "{dir}/unknown.toml"},
       R"({dir}/unknown.toml:2: treshold = "1%": expected a known key; did you mean "threshold"?)"},
      {{"--config", "{dir}/value.toml"}, R"({dir}/value.toml:3: interval = "soon": )" + kInterval},
      {{"--config", "{dir}/rule.toml"},
       R"({dir}/rule.toml:3: rule[1].cooldwn = "1s": expected a known key; did you mean "cooldown"?)"},
      {{"--config", "{dir}/nope.toml"}, "{dir}/nope.toml: can't be read: No such file or directory"},
      {{"--config", "{dir}"}, "{dir}: can't be read: Is a directory"},
  };
  for (const Case& one : cases) expect_refused(one, {});
  for (const std::string command : {"run", "report", "status", "check"}) {
    for (Case one : cases) {
      const bool only_reads = command == "report" || command == "status";
      if (only_reads && one.message.find("can't be read") == std::string::npos) continue;  // the next test
      one.arguments.insert(one.arguments.begin(), command);
      expect_refused(one, {});
    }
  }
  const Answer syntax = program({"--config", file("syntax.toml")});
  EXPECT_EQ(syntax.exit_code, 2);
  EXPECT_TRUE(syntax.err.starts_with("cgroup-memory-manager: " + file("syntax.toml").string() + ":1: not valid TOML: "))
      << syntax.err;
}

TEST_F(Usage, AConfigurationThatCannotBeTakenKeepsNobodyFromAHistoryThatIsNamed) {
  scan();
  write(file("broken.toml"), "interval = \"soon\"\n");
  const std::string error = file("broken.toml").string() + ":1: interval = \"soon\": " + kInterval;
  const std::vector<std::vector<std::string>> commands{
      {"report"}, {"report", "--list"}, {"report", "cgroups"}, {"history", "web"}, {"query", "SELECT 1"}};
  for (std::vector<std::string> arguments : commands) {
    arguments.insert(arguments.end(), {"--config", file("broken.toml"), "--database", database()});
    const Answer answer = program(arguments);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_FALSE(answer.out.empty());
    EXPECT_EQ(answer.err, "cgroup-memory-manager: " + error + "; going on without a configuration file\n");
  }
  for (const std::string line : {"database = \"{}\"", "database='{}' # here"}) {
    std::string named = line;
    write(file("named.toml"), named.replace(line.find("{}"), 2, database().string()) + "\ninterval = \"soon\"\n");
    const Answer answer = program({"report", "cgroups", "--format", "csv", "--config", file("named.toml")});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_NE(answer.out.find("/web"), std::string::npos);
    EXPECT_NE(answer.err.find("; going on without a configuration file, with the database " + database().string()),
              std::string::npos)
        << answer.err;
  }
  const Answer status = program({"status", "--config", file("broken.toml"), "--database", database()});
  EXPECT_NE(status.out.find("not running"), std::string::npos) << status.out;
  for (const char* const command : {"run", "check"}) {
    const Answer answer = program({command, "--config", file("broken.toml"), "--database", database()});
    EXPECT_EQ(answer.err, "cgroup-memory-manager: " + error + "\n");
    EXPECT_EQ(answer.exit_code, 2);
  }
}

TEST_F(Usage, AParentThatIsNoCgroupDirectoryIsRefusedBeforeAHistoryIsMade) {
  std::filesystem::create_directory(file("empty"));
  const std::vector<Case> cases{
      {{"--parent", "{dir}/nope"},
       "parent \"{dir}/nope\" can't be opened: No such file or directory; expected a cgroup directory, or "
       "\"auto\""},
      {{"--parent", "{dir}/config.toml"},
       "parent \"{dir}/config.toml\" is not a directory; expected a cgroup directory, or \"auto\""},
      {{"--parent", "{dir}/empty"},
       "parent \"{dir}/empty\" is not a cgroup directory: neither it nor what is below has memory control "
       "files; "
       "expected one such as /sys/fs/cgroup/memory/kubepods, or \"auto\""},
  };
  for (const Case& one : cases) expect_refused(one, {"--config", config(), "--database", database()});
  EXPECT_FALSE(std::filesystem::exists(database()));
}

TEST_F(Usage, AReportOrWindowOrFormatThatDoesNotExistIsRefused) {
  scan();
  std::string names;
  for (const auto& row : rows_of({"report", "--list"})) {
    names += (names.empty() ? "" : ", ") + row["name"].get<std::string>();
  }
  ASSERT_NE(names.find("cgroups, "), std::string::npos);
  const std::string format = R"(--format = "xml": expected text, markdown, html, csv, json or ndjson)";
  const std::vector<Case> cases{
      {{"report", "nosuch"}, R"(there is no report "nosuch"; expected one of: )" + names},
      {{"report", "../config"}, R"(there is no report "../config"; expected one of: )" + names},
      {{"report", "--since", "yesterday"}, R"(--since = "yesterday": )" + kWhen},
      {{"report", "--until", "2026-13-01"}, R"(--until = "2026-13-01": )" + kWhen},
      {{"history", "web", "--since", "x"}, R"(--since = "x": )" + kWhen},
      {{"report", "--since", "2026-01-02", "--until", "2026-01-01"},
       "--since 2026-01-02T00:00:00Z is not before --until 2026-01-01T00:00:00Z"},
      {{"report", "--since", "2026-01-02", "--until", "2026-01-02"},
       "--since 2026-01-02T00:00:00Z is not before --until 2026-01-02T00:00:00Z"},
      {{"report", "--format", "xml"}, format},
      {{"report", "--format", "2"}, R"(--format = "2": expected text, markdown, html, csv, json or ndjson)"},
      {{"history", "web", "--format", "xml"}, format},
      {{"status", "--format", "xml"}, format},
      {{"check", "--format", "xml"}, format},
      {{"query", "SELECT 1", "--format", "xml"}, format},
      {{"history"}, "history: of what? A glob or a part of a name was expected, or --workload GLOB"},
      {{"history", "web", "--workload", "shop/*"},
       R"(--workload "shop/*" and the cgroup "web": expected one of the two)"},
      {{"report", "--cgroup", "web", "--workload", "shop/*"},
       R"(--workload "shop/*" and the cgroup "web": expected one of the two)"},
      {{"query"}, std::string("sql is required") + kSeeHelp},
  };
  for (const Case& one : cases) expect_refused(one, {"--config", config(), "--database", database()});
}

TEST_F(Usage, AnOptionOfTheServiceIsNotTakenInSilenceByAnotherCommand) {
  scan();
  const std::vector<std::vector<std::string>> commands{
      {"report"}, {"history", "web"}, {"status"}, {"query", "SELECT 1"}};
  const std::vector<std::vector<std::string>> options{
      {"--parent", "/"}, {"--threshold", "10%"}, {"--interval", "1"},     {"--cooldown", "1"},
      {"--cycles", "1"}, {"--dry-run"},          {"--log-level", "warn"},
  };
  for (const auto& command : commands) {
    for (const auto& option : options) {
      Case before{option, option.front() + " is an option of run and check, not of " + command.front()};
      before.arguments.insert(before.arguments.end(), command.begin(), command.end());
      expect_refused(before, {"--config", config(), "--database", database()});

      std::vector<std::string> behind = command;
      behind.insert(behind.end(), option.begin(), option.end());
      const Answer answer = ask(behind);
      EXPECT_EQ(answer.exit_code, 2);
      EXPECT_NE(answer.err.find(option.front()), std::string::npos) << answer.err;
      EXPECT_EQ(answer.out, "");
    }
  }
}

TEST_F(Usage, AQueryThatIsWrongOrWouldWriteIsRefused) {
  scan();
  const std::string cannot = "the query can't be run: ";
  const std::string writes = cannot + "it would write, and the history is read-only here";
  const std::vector<Case> cases{
      {{"query", "SELEC"}, cannot + R"(near "SELEC": syntax error)"},
      {{"query", "SELECT a b c"}, cannot + R"(near "c": syntax error)"},
      {{"query", "SELECT x FROM nope"}, cannot + "no such table: nope"},
      {{"query", ""}, cannot + "there is no statement in it"},
      {{"query", "DELETE FROM scan"}, writes},
      {{"query", "DROP TABLE scan"}, writes},
      {{"query", "INSERT INTO node VALUES ('a', 1)"}, writes},
      {{"query", "SELECT 1; SELECT 2"}, cannot + "it is more than one statement"},
      {{"query", "SELECT 1; DELETE FROM scan"}, cannot + "it is more than one statement"},
      {{"query", "ATTACH '{dir}/new.db' AS other"}, cannot + "ATTACH and DETACH are not allowed"},
      {{"query", "PRAGMA journal_mode = DELETE"}, cannot + "PRAGMA journal_mode is not allowed"},
      {{"query", "SELECT :since_us"}, cannot + "it has the parameter :since_us, which is not given"},
  };
  for (const Case& one : cases) expect_refused(one, {"--config", config(), "--database", database()});
  EXPECT_EQ(scan_count(), 1);
  EXPECT_FALSE(std::filesystem::exists(file("new.db")));
}

TEST_F(Usage, HelpAndVersionAreNoErrors) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{"--help"},
                                                                                         {"run", "--help"},
                                                                                         {"report", "--help"},
                                                                                         {"history", "--help"},
                                                                                         {"status", "--help"},
                                                                                         {"check", "--help"},
                                                                                         {"query", "--help"},
                                                                                         {"--version"}}) {
    const Answer answer = program(arguments);
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(answer.err, "");
    EXPECT_TRUE(answer.out.ends_with('\n'));
  }
}

}  // namespace
}  // namespace cgmm::test
