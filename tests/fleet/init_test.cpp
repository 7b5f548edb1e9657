// SPDX-License-Identifier: Apache-2.0
// `fleet init` on a real ClickHouse, and what it says there.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "fleet/engine/clickhouse.hpp"
#include "fleet/engine/schema.hpp"
#include "fleet/real_engine.hpp"
#include "fleet/ship/made_up_history.hpp"
#include "fleet/ship/ship_state.hpp"
#include "net/gzip.hpp"
#include "support/eventually.hpp"
#include "support/program.hpp"

namespace cgmm::fleet {
namespace {

using test::Answer;
using test::RealEngine;
using test::run_program;

constexpr const char* kNotInstalled =
    "*** SKIPPED, NOTHING WAS TESTED: it takes Debian's clickhouse-server, and zookeeper for a cluster ***";

std::string packed(const std::string& rows) {
  net::GzipWriter gzip;
  gzip.write(rows);
  return gzip.finish();
}

/// What an insert of one scan ends with; nullopt: it is there.
std::optional<DestinationError> insert_scan(ClickHouse& engine, const std::string& column = "scan_id") {
  try {
    engine.insert("scan",
                  {"node", "history_id", column, "started_at_us", "duration_us", "cgroup_count", "error_count",
                   "late_us", "interval_us"},
                  packed("n\th\t1\t2\t3\t4\t5\t6\t7\n"));
    return std::nullopt;
  } catch (const DestinationError& error) {
    return error;
  }
}

void expect_said(const std::optional<DestinationError>& error, Refusal refusal, const std::string& said) {
  ASSERT_TRUE(error) << said;
  EXPECT_EQ(error->refusal(), refusal) << error->what();
  EXPECT_NE(std::string(error->what()).find(said), std::string::npos) << error->what();
}

TEST(FleetInit, MakesTheTablesOnceAndTheyTakeRows) {
  const RealEngine server("one");
  if (!server.is_there()) GTEST_SKIP() << kNotInstalled;
  ClickHouse engine(server.settings());
  expect_said(insert_scan(engine), Refusal::permanent, "run `cgroup-memory-manager fleet init`");

  const std::vector<std::string> init{"fleet", "init", "--config", server.config().string()};
  const Answer first = run_program(init);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_NE(first.out.find("has the tables of version 1.\n"), std::string::npos) << first.out;
  EXPECT_NE(run_program(init).out.find("already has the tables"), std::string::npos);
  EXPECT_EQ(schema_of(engine, "cgmm"), newest_schema());
  const Answer other = run_program({"fleet", "init", "--cluster", "c", "--config", server.config().string()});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("are on one server: leave out --cluster"), std::string::npos) << other.err;

  EXPECT_FALSE(insert_scan(engine));
  EXPECT_EQ(engine.query("SELECT node, interval_us, is_partial FROM cgmm.scan"),
            (std::vector<EngineRow>{{"n", "7", std::nullopt}}));
  expect_said(insert_scan(engine, "no_such_column"), Refusal::permanent, "has tables of another version");
  const auto now_us = [] {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  };
  EXPECT_EQ(engine.clock_difference_us(now_us), 0) << "it is this machine";

  config::Ship wrong = server.settings();
  wrong.user = "nobody";
  ClickHouse stranger(wrong);
  expect_said(insert_scan(stranger), Refusal::permanent, "does not know user \"nobody\": set user and password_file");
}

TEST(FleetInit, OnAClusterEveryServerHasTheTablesAndOneWithoutZooKeeperOnlyReads) {
  const RealEngine cluster("cluster");
  if (!cluster.is_there()) GTEST_SKIP() << kNotInstalled;
  const std::string config = cluster.config().string();
  const Answer wrong = run_program({"fleet", "init", "--config", config, "--cluster", "nope"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_NE(wrong.err.find("SELECT DISTINCT cluster FROM system.clusters"), std::string::npos) << wrong.err;
  const Answer answer =
      run_program({"fleet", "init", "--config", config, "--cluster", "fleet"}, {}, std::chrono::minutes{3});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  const Answer without = run_program({"fleet", "init", "--config", config});
  EXPECT_NE(without.err.find("are those of a cluster: name it with --cluster"), std::string::npos) << without.err;

  ClickHouse engine(cluster.settings());
  EXPECT_FALSE(insert_scan(engine));
  for (const char* server : {"shard1-a", "shard1-b", "shard2"}) {
    ClickHouse each({.urls = {cluster.url(server)}});
    // The replica has the row a little later.
    EXPECT_TRUE(test::eventually([&] { return each.query("SELECT count() FROM cgmm.scan")[0][0] == "1"; })) << server;
  }

  cluster.kill("zookeeper");
  // Until its session ends, the server waits for it and an insert takes longer.
  std::optional<DestinationError> error;
  ASSERT_TRUE(test::eventually([&] { return (error = insert_scan(engine)).has_value(); }));
  EXPECT_NE(error->refusal(), Refusal::permanent) << error->what();
}

TEST(FleetInit, PrintsWithoutAServer) {
  const test::TempDir directory;
  const std::string config = (directory.path() / "config.toml").string();
  std::ofstream(config) << "[ship]\ndatabase = \"fleet\"\n";
  const Answer answer = run_program({"fleet", "init", "--print", "--keep-samples", "30d", "--config", config});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_EQ(answer.out.find("CREATE DATABASE IF NOT EXISTS fleet;\n"), 0u) << answer.out;
  EXPECT_NE(answer.out.find("TTL toDateTime(intDiv(at_us, 1000000)) + INTERVAL 30 DAY\n"), std::string::npos);
  EXPECT_NE(answer.err.find("url in [ship] is not set"), std::string::npos) << answer.err;
}

TEST(FleetInit, WhatIsWrongOnTheCommandLineIsSaid) {
  const test::TempDir directory;
  const std::string config = (directory.path() / "config.toml").string();
  std::ofstream(config) << "";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"fleet", "init", "--cluster", "a'b"}, "--cluster = \"a'b\": expected a name of letters"},
      {{"fleet", "init", "--keep-samples", "36h"}, "--keep-samples = \"36h\": expected whole days"}};
  const Answer without = run_program({"fleet"});
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_NE(without.err.find("fleet: expected one of: init, "), std::string::npos) << without.err;
  EXPECT_NE(run_program({"fleet", "int"}).err.find("Did you mean init?"), std::string::npos);
  for (const auto& [arguments, said] : cases) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--config", config});
    const Answer answer = run_program(all);
    EXPECT_EQ(answer.exit_code, 2) << said;
    EXPECT_NE(answer.err.find(said), std::string::npos) << answer.err;
  }
  const Answer nowhere = run_program({"fleet", "init", "--config", config});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_NE(nowhere.err.find("set url in [ship]"), std::string::npos) << nowhere.err;
}

TEST(Ship, WhatIsWrongIsSaid) {
  const test::TempDir directory;
  const std::string config = (directory.path() / "config.toml").string();
  std::ofstream(config) << "[ship]\nurl = \"http://127.0.0.1:1\"\nstate_file = \"" << config << ".state\"\n";
  const Answer two = run_program({"ship", "--once", "--check", "--config", config});
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_NE(two.err.find("--once, --dry-run and --check: expected one of them"), std::string::npos) << two.err;
  const Answer nobody = run_program({"ship", "--once", "--config", config, "--database", config + ".db"});
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_NE(nobody.err.find("127.0.0.1:1"), std::string::npos) << nobody.err;
  const Answer check = run_program({"ship", "--check", "--config", config, "--database", config + ".db"});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_EQ(check.out.find("Check: 2 problems, 0 warnings, 1 ok\n"), 0u) << check.out;
}

TEST(Ship, TheCheckSaysWhyNothingIsSentAndWhatWasLeftOut) {
  const test::TempDir directory;
  const std::string config = (directory.path() / "config.toml").string();
  std::ofstream(config) << "[ship]\nurl = \"http://127.0.0.1:1\"\nstate_file = \"" << config << ".state\"\n";
  MadeUpHistory(directory.path() / "history.db").scan();
  StateFile(config + ".state")
      .write({.history_id = "h",
              .refused_rows = 3,
              .failing = Failing{.since_us = kNoon, .why = "db:8123 \x1b[31m refuses"}});
  const Answer check = run_program({"ship", "--check", "--config", config, "--database",
                                    (directory.path() / "history.db").string(), "--format", "csv"});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_NE(check.out.find("3 rows were left out: ClickHouse refuses them"), std::string::npos) << check.out;
  EXPECT_NE(check.out.find("nothing was sent since 2026-11-25T12:00:00"), std::string::npos) << check.out;
  EXPECT_NE(check.out.find("db:8123 \\x1b[31m refuses"), std::string::npos) << check.out;
}

TEST(FleetInit, WithoutTheSecondProgramItSaysWhichOneIsMissing) {
  const test::TempDir directory;
  const std::string alone = (directory.path() / "cgmm").string();
  std::filesystem::copy_file(CGMM_PROGRAM, alone);
  const std::string said = test::output_of("PATH=/none '" + alone + "' fleet init 2>&1; echo $?");
  EXPECT_EQ(said,
            "cgroup-memory-manager: this needs the program cgroup-memory-manager-fleet, which can't be started: "
            "No such file or directory; install it beside " +
                alone + "\n1\n");
}

}  // namespace
}  // namespace cgmm::fleet
