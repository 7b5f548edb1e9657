// SPDX-License-Identifier: Apache-2.0
// `fleet report` and `fleet query` through the program, with a real ClickHouse. tests/fleet/compare tests the numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "fleet/engine/clickhouse.hpp"
#include "fleet/real_engine.hpp"
#include "support/program.hpp"

namespace cgmm::fleet {
namespace {

using test::Answer;
using test::RealEngine;
using test::run_program;

const std::string kWindow[] = {"--since", "2026-11-18T11:00:00Z", "--until", "2026-11-19T18:00:00Z"};

constexpr const char* kOddNode = "n2'\\";

/// One ClickHouse for all of these tests, with the histories of two nodes, which are made up.
class FleetReport : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<Shared>();
    if (!shared_->engine.is_there()) return;
    ASSERT_EQ(run_program({"fleet", "init", "--config", shared_->engine.config().string()}).exit_code, 0);
    ship("n1", "n1");
    ship("n2", "n2'\\\\");  // in TOML
  }
  static void TearDownTestSuite() { shared_.reset(); }
  void SetUp() override {
    if (!engine().is_there())
      GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes Debian's clickhouse-server ***";
  }
  static const RealEngine& engine() { return shared_->engine; }
  /// `more`: lines of [ship].
  static Answer asked(std::vector<std::string> arguments, const std::string& more = "") {
    arguments.insert(arguments.begin(), "fleet");
    arguments.insert(arguments.end(), {"--config", engine().config(more).string()});
    return run_program(arguments, {}, std::chrono::minutes(2));
  }
  static Answer report(std::vector<std::string> arguments, const std::string& more = "") {
    arguments.insert(arguments.begin(), "report");
    arguments.insert(arguments.end(), std::begin(kWindow), std::end(kWindow));
    return asked(arguments, more);
  }
  static void expect_refused(const Answer& answer, int exit_code, const std::string& said) {
    EXPECT_EQ(answer.exit_code, exit_code) << answer.out;
    EXPECT_NE(answer.err.find(said), std::string::npos) << answer.err;
    EXPECT_EQ(answer.out, "");
  }

 private:
  struct Shared {
    RealEngine engine{"one"};
    test::TempDir directory;
  };

  static void ship(const std::string& file, const std::string& node) {
    const std::string path = (shared_->directory.path() / file).string(), history = path + ".db";
    test::output_of("python3 " CGMM_SOURCE_DIR "/tests/fleet/made_history.py '" + history + "' 7");
    const std::string config =
        engine().config("node = \"" + node + "\"\nstate_file = \"" + path + ".json\"\n").string();
    const Answer answer =
        run_program({"ship", "--once", "--config", config, "--database", history}, {}, std::chrono::minutes(2));
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
  }

  static std::unique_ptr<Shared> shared_;
};
std::unique_ptr<FleetReport::Shared> FleetReport::shared_;

TEST_F(FleetReport, AUserWhoMayOnlyReadSuffices) {
  const Answer owner = report({"kills_by_workload"});
  EXPECT_EQ(owner.exit_code, 0) << owner.err;
  EXPECT_NE(owner.out.find("shop/db/postgres"), std::string::npos) << owner.out;
  for (const char* const user : {"reader", "careful_reader"}) {
    const Answer answer = report({"kills_by_workload"}, "user = \"" + std::string(user) + "\"\n");
    EXPECT_EQ(answer.err, "") << user;
    EXPECT_EQ(answer.out, owner.out) << user;
  }
}

TEST_F(FleetReport, NodeAndWorkloadNarrowIt) {
  const auto kills = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"oom_kills", "--format", "csv"});
    const std::string out = report(more).out;
    return std::ranges::count(out, '\n') - 1;
  };
  const auto all = kills({});
  EXPECT_GT(all, 2);
  EXPECT_EQ(kills({"--node", "n1"}) * 2, all);
  EXPECT_EQ(kills({"--node", kOddNode}) * 2, all);
  EXPECT_EQ(kills({"--node", "n?"}) * 2, all);
  EXPECT_EQ(kills({"--node", "n*"}), all);
  EXPECT_EQ(kills({"--node", "N1"}), 0);
  EXPECT_LT(kills({"--workload", "shop/*"}), all);
  EXPECT_GT(kills({"--workload", "shop/*"}), 0);
}

TEST_F(FleetReport, TheSameFormatsAsOfReport) {
  const std::vector<std::pair<std::string, std::string>> formats{
      {"text", "Nodes, 2026-11-18T11:00:00Z to 2026-11-19T18:00:00Z\n\n"},
      {"markdown", "## Nodes, 2026-11-18T11:00:00Z"},
      {"html", "<!DOCTYPE html>"},
      {"csv", "node,"},
      {"json", "[\n"},
      {"ndjson", "{\"node\":\"n"}};
  for (const auto& [format, begin] : formats) {
    const Answer answer = report({"nodes", "--format", format});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_TRUE(answer.out.starts_with(begin)) << answer.out;
  }
}

TEST_F(FleetReport, WhatIsWrongIsSaidInASentence) {
  expect_refused(report({"nods"}), 2, "there is no report \"nods\" of the fleet, did you mean \"nodes\"?");
  expect_refused(asked({"report", "nodes", "--since", "soon"}), 2, "--since = \"soon\": expected a duration");
  expect_refused(asked({"query", "SELECT nobody FROM node"}), 2, "nobody");
  expect_refused(asked({"query", "DROP TABLE node"}), 1, "is only asked here, and changes nothing: expected a SELECT");
  expect_refused(asked({"query", "SELECT * FROM system.numbers"}), 1, "has more rows for an answer than may be sent");
  expect_refused(asked({"query", "SELECT count() FROM system.numbers", "--max-time", "1"}), 1, "takes");
  expect_refused(report({"nodes"}, "user = \"nobody\"\n"), 1,
                 "does not know user \"nobody\": set user and password_file in [ship]");
  expect_refused(report({"nodes"}, "database = \"nowhere\"\n"), 1,
                 "has no database nowhere: run `cgroup-memory-manager fleet init`");
  EXPECT_EQ(ClickHouse(engine().settings()).query("SELECT count() FROM cgmm.node FINAL"),
            (std::vector<EngineRow>{{"2"}}));
}

TEST_F(FleetReport, QueryShowsColumnsAsTheyAre) {
  const Answer text = asked(
      {"query", "SELECT node, count() AS kills, NULL AS unknown FROM oom_kill FINAL WHERE node = 'n1' GROUP BY node"});
  EXPECT_EQ(text.out, "node  kills  unknown\n────  ─────  ───────\nn1      159  -\n") << text.err;
  EXPECT_EQ(asked({"query", "SELECT 1 AS a_us, 'x\\ty' AS b, NULL AS c, 0.5 AS d", "--format", "json"}).out,
            "[\n  {\"a_us\":1,\"b\":\"x\\ty\",\"c\":null,\"d\":0.5}\n]\n");
}

}  // namespace
}  // namespace cgmm::fleet
