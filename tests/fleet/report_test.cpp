// SPDX-License-Identifier: Apache-2.0
// `fleet report` and `fleet query` through the program, with a real ClickHouse. tests/fleet/compare tests the numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fleet/engine/clickhouse.hpp"
#include "fleet/real_engine.hpp"
#include "support/program.hpp"

namespace cgmm::fleet {
namespace {

using test::Answer;
using test::RealEngine;
using test::run_program;

const std::vector<std::string> kWindow{"--since", "2026-11-18T11:00:00Z", "--until", "2026-11-19T18:00:00Z"};
/// Until the end of the history that node n1 has begun anew.
const std::vector<std::string> kLongWindow{"--since", "2026-11-18T11:00:00Z", "--until", "2026-11-21T09:00:00Z"};

constexpr const char* kOddNode = "n2'\\";

/// One ClickHouse for all of these tests, with the history of a node with an odd name, which is made up.
class FleetReport : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<Shared>();
    if (!shared_->engine.is_there()) return;
    ASSERT_EQ(run_program({"fleet", "init", "--config", shared_->engine.config().string()}).exit_code, 0);
    ship("n2", "n2'\\\\", "7");  // in TOML
  }
  /// Node n1, which has begun another history ten hours after the end of the first.
  static void ship_another_node() {
    if (std::exchange(shared_->has_both, true)) return;
    ship("n1", "n1", "7");
    ship("n1-anew", "n1", "8 40");
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
  static Answer report(std::vector<std::string> arguments, const std::string& more = "",
                       const std::vector<std::string>& window = kWindow) {
    arguments.insert(arguments.begin(), "report");
    arguments.insert(arguments.end(), window.begin(), window.end());
    return asked(arguments, more);
  }
  /// These columns of a report in the long window.
  static std::vector<std::vector<std::string>> columns_of(const std::string& name,
                                                          const std::vector<std::string>& columns,
                                                          const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{name, "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Answer answer = report(arguments, "", kLongWindow);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    std::vector<std::vector<std::string>> rows;
    for (const auto& row : nlohmann::json::parse(answer.out)) {
      rows.emplace_back();
      for (const std::string& column : columns) {
        const auto& value = row.at(column);
        rows.back().push_back(value.is_string() ? value.get<std::string>() : value.dump());
      }
    }
    return rows;
  }
  static std::string history_of(const std::string& file) {
    return (shared_->directory.path() / (file + ".db")).string();
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
    bool has_both = false;
  };

  /// A history that is made up as `made` says.
  static void ship(const std::string& file, const std::string& node, const std::string& made) {
    const std::string path = (shared_->directory.path() / file).string(), history = path + ".db";
    test::output_of("python3 " CGMM_SOURCE_DIR "/tests/fleet/made_history.py '" + history + "' " + made);
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
  ship_another_node();
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
  EXPECT_EQ(ClickHouse(engine().settings()).query("SELECT count() > 0 FROM cgmm.node"),
            (std::vector<EngineRow>{{"1"}}));
}

TEST_F(FleetReport, ANodeThatIsSilentOrHasBegunAnewDoesNotRun) {
  ship_another_node();
  EXPECT_EQ(columns_of("nodes", {"node", "state"}),
            (std::vector<std::vector<std::string>>{{"n1", "replaced"}, {kOddNode, "silent"}, {"n1", "running"}}));
  EXPECT_EQ(columns_of("summary", {"nodes", "silent_nodes"}), (std::vector<std::vector<std::string>>{{"2", "1"}}));
  const auto running = columns_of("restarts", {"workload", "running"});
  EXPECT_FALSE(running.empty());
  for (const auto& row : running) {
    const auto of_last = columns_of("memory_by_workload", {"running", "nodes"}, {"--workload", row[0]});
    EXPECT_LE(std::stoi(row[1]), 2) << row[0] << ": there are two replicas of each on n1, and none on the silent node";
    EXPECT_TRUE(of_last.empty() || of_last[0][1] == "1") << row[0];
  }
  const auto covered = columns_of("nodes", {"covered_pct", "gaps"});
  EXPECT_LT(std::stod(covered[0][0]), 80) << "from its last scan to the next history, nobody looked";
  EXPECT_GT(std::stod(covered[1][0]), 90) << "nothing is known of a silent node after its last scan";
}

TEST_F(FleetReport, TheReviewHasAnAnswerInWordsAndATableForEachQuestion) {
  ship_another_node();
  Answer text = report({}, "", kLongWindow);
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_TRUE(text.out.starts_with("Memory report of the fleet, 2026-11-18T11:00:00Z to ")) << text.out;
  std::ranges::replace(text.out, '\n', ' ');  // sentences are wrapped
  for (const std::string& said : std::vector<std::string>{
           "OOM kills were seen.",
           "2 nodes have scans in this time. 1 is silent, with no scan in the last hour: " + std::string(kOddNode) +
               ".",
           "  Nodes  ", "  OOM kills by workload  ", "  OOM kills by cause  ", "  OOM kills by node  ",
           "  Workloads near their limits  ", "  What became of reclaims  ", "  Advice  "})
    EXPECT_NE(text.out.find(said), std::string::npos) << said << "\n" << text.out;
  EXPECT_TRUE(report({"--format", "html"}).out.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(report({"--format", "markdown"}).out.starts_with("# Memory report of the fleet"));
  const auto json = nlohmann::json::parse(report({"--format", "json"}).out);
  for (const char* const table :
       {"summary", "summary_before", "advice", "nodes", "kills_by_workload", "near_limits", "outliers"})
    EXPECT_TRUE(json.contains(table)) << table;
  EXPECT_TRUE(report({"--format", "csv"}).out.starts_with("history_begins_at,"));
  expect_refused(report({"--node", "nope"}), 1, "no node that matches \"nope\" has a scan in this window");
  expect_refused(report({"--workload", "nope"}), 1, "no cgroup matches \"nope\" on these nodes");
}

TEST_F(FleetReport, WithoutRowsItSaysWhetherThereAreScans) {
  const std::string none = "No node that was asked for has a scan in this window.";
  EXPECT_NE(report({"oom_kills", "--node", "nope"}).out.find("(none)\n" + none), std::string::npos);
  const Answer seen = report({"oom_kills", "--workload", "nope"});
  EXPECT_NE(seen.out.find("(none)"), std::string::npos) << seen.out;
  EXPECT_EQ(seen.out.find(none), std::string::npos) << seen.out;
}

std::set<std::string> names_in(const std::string& list) {
  std::set<std::string> names;
  for (const auto& row : nlohmann::json::parse(list)) names.insert(row.at("name").get<std::string>());
  return names;
}

/// Columns that both have, and where a number may differ: none.
void expect_same(const nlohmann::json& fleet, const nlohmann::json& local, const std::set<std::string>& leave_out) {
  ASSERT_EQ(fleet.size(), local.size());
  std::size_t compared = 0;
  for (std::size_t i = 0; i < local.size(); ++i) {
    for (const auto& [column, value] : local[i].items()) {
      if (!fleet[i].contains(column) || leave_out.contains(column)) continue;
      ++compared;
      if (value.is_number_float() && fleet[i][column].is_number())
        EXPECT_NEAR(fleet[i][column].get<double>(), value.get<double>(), 1e-9 * std::abs(value.get<double>()))
            << column;
      else EXPECT_EQ(fleet[i][column], value) << column << " of row " << i;
    }
  }
  EXPECT_TRUE(local.empty() || compared >= 3 * local.size()) << "they have hardly a column in common";
}

TEST_F(FleetReport, WhatItSaysOfOneNodeIsWhatTheNodeSays) {
  const std::set<std::string> of_fleet = names_in(asked({"report", "--list", "--format", "json"}).out);
  std::set<std::string> local = names_in(run_program({"report", "--list", "--format", "json"}).out), both;
  std::ranges::set_intersection(of_fleet, local, std::inserter(both, both.end()));
  both.erase("growth");  // by hours
  EXPECT_GE(both.size(), 8u);
  for (const std::string& name : both) {
    SCOPED_TRACE(name);
    std::vector<std::string> here{"report", name, "--format", "json", "--database", history_of("n2")};
    here.insert(here.end(), kWindow.begin(), kWindow.end());
    const auto rows = nlohmann::json::parse(run_program(here).out);
    if (name == "memory_by_workload" && rows.at(0).at("measured") == "samples") continue;
    std::set<std::string> leave_out;
    if (name == "evidence") leave_out = {"path", "effective_limit_bytes", "cache_wanted_bytes"};  // fleet/evidence.sql
    expect_same(nlohmann::json::parse(report({name, "--format", "json", "--node", kOddNode}).out), rows, leave_out);
  }
}

TEST_F(FleetReport, PrintShowsSqlThatCanBeRun) {
  std::string sql = report({"kills_by_node", "--print"}).out;
  const Answer answer = asked({"query", sql, "--format", "csv"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_EQ(answer.out.substr(0, answer.out.find(',')), "node");
}

TEST_F(FleetReport, ANodeWithFarMoreKillsThanTheOthersStandsOut) {
  ClickHouse server(engine().settings());
  for (int node = 0; node < 8; ++node) {
    const std::string name = "'many-" + std::to_string(node) + "'";
    server.query(
        "INSERT INTO cgmm.node (node, history_id, cluster, zone, pool, first_at_us, last_at_us, shipped_at_us) VALUES "
        "(" +
        name + ", 'h', '', 'z', '', 1790000000000000, 1790000100000000, 1)");
    server.query(
        "INSERT INTO cgmm.oom_kill (node, history_id, oom_kill_id, killed_at_us, source, scope, kill_count) VALUES (" +
        name + ", 'h', 1, 1790000000000000, 'kernel_log', 'cgroup', " + std::to_string(node == 5 ? 40 : node % 3) +
        ")");
  }
  const Answer answer = asked({"report", "outliers", "--node", "many-*", "--since", "2026-09-21T00:00:00Z", "--until",
                               "2026-09-22T00:00:00Z", "--format", "csv"});
  EXPECT_EQ(answer.out,
            "node,what,times,typical,upper,cluster,zone,pool,nodes\nmany-5,OOM kills,40,1,2,\"\",z,\"\",8\n")
      << answer.err;
}

TEST_F(FleetReport, QueryShowsColumnsAsTheyAre) {
  const Answer text =
      asked({"query", "SELECT count() AS kills, NULL AS unknown_us FROM oom_kill FINAL WHERE node LIKE 'n2%'"});
  EXPECT_EQ(text.out, "kills  unknown_us\n─────  ──────────\n  159  -\n") << text.err;
  EXPECT_EQ(asked({"query", "SELECT 1 AS a_us, 'x\\ty' AS b, NULL AS c, 0.5 AS d", "--format", "json"}).out,
            "[\n  {\"a_us\":1,\"b\":\"x\\ty\",\"c\":null,\"d\":0.5}\n]\n");
}

}  // namespace
}  // namespace cgmm::fleet
