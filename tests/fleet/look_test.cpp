// SPDX-License-Identifier: Apache-2.0
// `fleet incident` and `fleet history` through the program, with a real ClickHouse that `ship` has filled.
// tests/fleet/look compares all of their answers with those of the nodes.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "fleet/engine/clickhouse.hpp"
#include "fleet/look/find.hpp"
#include "fleet/real_engine.hpp"
#include "support/eventually.hpp"
#include "support/program.hpp"

namespace cgmm::fleet {
namespace {

using test::Answer;
using test::RealEngine;
using test::run_program;

constexpr std::chrono::minutes kPatience{3};
constexpr const char* kOddNode = "od/d\"[a]*'\\";
const std::vector<std::string> kWindow{"--since", "2026-11-18T11:00:00Z", "--until", "2026-11-19T18:00:00Z"};

TEST(IncidentPlace, IsAfterTheLastSlash) {
  const auto place = place_of("a/b/s12");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->before, "a/b");
  EXPECT_TRUE(place->incident.is_stuck);
  EXPECT_EQ(place->incident.number, 12);
  for (const char* wrong : {"", "/", "5", "/5", "n/", "n/s", "n/0", "n/-1", "n/5x", "n/ 5", "n/99999999999999999999"})
    EXPECT_FALSE(place_of(wrong)) << wrong;
}

/// One ClickHouse for all of these tests.
class FleetLook : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<Shared>();
    if (!shared_->engine.is_there()) return;
    ASSERT_EQ(run_program({"fleet", "init", "--config", shared_->engine.config().string()}).exit_code, 0);
  }
  static void TearDownTestSuite() { shared_.reset(); }
  void SetUp() override {
    if (!engine().is_there())
      GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes Debian's clickhouse-server ***";
  }

  /// Nodes, each shipped once. `twice` has two histories: first that of seed 7, then that of seed 8.
  static void ship_odd() { ship("odd", 7, "od/d\\\"[a]*'\\\\"); }  // in TOML
  static void ship_twice() {
    ship("first", 7, "twice");
    ship("second", 8, "twice");
  }
  static void ship_few() { ship("few", 7, "few", "samples = \"incidents\"\n"); }

  static const RealEngine& engine() { return shared_->engine; }
  static std::string history(const std::string& name) { return (shared_->directory.path() / name).string() + ".db"; }
  static Answer asked(std::vector<std::string> arguments, const std::string& config) {
    arguments.insert(arguments.begin(), "fleet");
    arguments.insert(arguments.end(), {"--config", config});
    return run_program(arguments, {}, kPatience);
  }
  /// `more`: lines of [ship].
  static Answer fleet(const std::vector<std::string>& arguments, const std::string& more = "") {
    return asked(arguments, engine().config(more).string());
  }
  static Answer fleet_in_window(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), kWindow.begin(), kWindow.end());
    return fleet(arguments);
  }
  static Answer local(std::vector<std::string> arguments, const std::string& name) {
    arguments.insert(arguments.end(), {"--database", history(name)});
    return run_program(arguments, {}, kPatience);
  }
  static void expect_refused(const Answer& answer, int exit_code, const std::string& said) {
    EXPECT_EQ(answer.exit_code, exit_code) << answer.out;
    EXPECT_NE(answer.err.find(said), std::string::npos) << answer.err;
    EXPECT_EQ(answer.out, "");
  }

  static void ship(const std::string& name, int seed, const std::string& node, const std::string& more = "") {
    if (std::filesystem::exists(history(name))) return;
    test::output_of("python3 " CGMM_SOURCE_DIR "/tests/fleet/made_history.py '" + history(name) + "' " +
                    std::to_string(seed));
    const std::string config =
        engine().config("node = \"" + node + "\"\nstate_file = \"" + history(name) + ".json\"\n" + more).string();
    const Answer answer =
        run_program({"ship", "--once", "--config", config, "--database", history(name)}, {}, kPatience);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
  }

 private:
  struct Shared {
    RealEngine engine{"one"};
    test::TempDir directory;
  };

  static std::unique_ptr<Shared> shared_;
};
std::unique_ptr<FleetLook::Shared> FleetLook::shared_;

/// Without the title, which has the node in the fleet, and where samples are not told as a node tells it.
std::string words_of(const std::string& text) {
  const std::string all =
      std::regex_replace(text.substr(std::min(text.find('\n'), text.size())), std::regex("\\s+"), " ");
  return std::regex_replace(all, std::regex("not in ClickHouse"), "gone (keep_samples)");
}

TEST_F(FleetLook, WhatAnOddNodeSaysIsWhatItSaysItself) {
  ship_odd();
  for (const std::string id : {"20", "77", "s4"}) {
    const Answer there = fleet({"incident", "show", kOddNode + ("/" + id)});
    EXPECT_EQ(there.exit_code, 0) << there.err;
    EXPECT_NE(there.out.find(" on " + std::string(kOddNode)), std::string::npos) << there.out;
    EXPECT_EQ(words_of(there.out), words_of(local({"incident", "show", id}, "odd").out));
  }
  std::vector<std::string> question{"history", "--workload", "shop/web/*", "--format", "csv"};
  question.insert(question.end(), kWindow.begin(), kWindow.end());
  const Answer here = local(question, "odd");
  question.insert(question.end(), {"--node", kOddNode});
  const Answer there = fleet(question);
  EXPECT_EQ(there.exit_code, 0) << there.err;
  EXPECT_GT(there.out.size(), 1000u);
  EXPECT_EQ(there.out, here.out);
}

TEST_F(FleetLook, TheListHasWhatShowTakes) {
  ship_twice();
  ship_few();
  const Answer list = fleet_in_window({"incident", "list", "--format", "csv", "--node", "t*"});
  EXPECT_TRUE(list.out.starts_with("id,at,at_us,cgroup,kills,")) << list.out.substr(0, 100) << list.err;
  std::smatch found;
  ASSERT_TRUE(std::regex_search(list.out, found, std::regex("\n(twice/[0-9]+),"))) << list.out.substr(0, 1000);
  EXPECT_EQ(fleet({"incident", "show", found[1]}).exit_code, 0);
  ASSERT_TRUE(std::regex_search(list.out, found, std::regex("\n(twice/[0-9a-f]{8}/[0-9]+),")))
      << "of the history before:" << list.out.substr(0, 1000);
  EXPECT_EQ(fleet({"incident", "show", found[1]}).exit_code, 0);
  EXPECT_EQ(list.out.find("few/"), std::string::npos) << "--node";

  const Answer all = fleet_in_window({"incident", "--all"});
  EXPECT_NE(all.out.find("few/"), std::string::npos) << all.out;
  const Answer by_workload = fleet_in_window({"incident", "--workload", "shop/db/postgres"});
  EXPECT_NE(by_workload.out.find("nodes"), std::string::npos) << by_workload.out;
  EXPECT_NE(by_workload.out.find("shop/db/postgres"), std::string::npos);
  EXPECT_EQ(by_workload.out.find("shop/web"), std::string::npos);
}

TEST_F(FleetLook, TheLatestIsOfThoseThatAreAskedFor) {
  ship_few();
  const Answer one = fleet({"incident", "show", "latest", "--workload", "shop/db/*", "--node", "few"});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_NE(one.out.find(" on few "), std::string::npos) << one.out;
  const Answer here = local({"incident", "show", "latest", "--workload", "shop/db/*"}, "few");
  EXPECT_EQ(one.out.substr(0, one.out.find(" on ")), here.out.substr(0, one.out.find(" on ")));
}

TEST_F(FleetLook, OfSeveralHistoriesTheNewestIsMeantAndThatIsSaid) {
  ship_twice();
  const Answer newest = fleet({"incident", "show", "twice/30"});
  EXPECT_EQ(words_of(newest.out), words_of(local({"incident", "show", "30"}, "second").out));
  std::smatch found;
  ASSERT_TRUE(std::regex_search(newest.err, found, std::regex("`fleet incident show (twice/[0-9a-f]{32}/30)`")))
      << newest.err;
  const std::string other = found[1];
  for (const std::string& place : {other, "twice/" + other.substr(6, 8) + "/30"}) {
    const Answer before = fleet({"incident", "show", place});
    EXPECT_EQ(words_of(before.out), words_of(local({"incident", "show", "30"}, "first").out)) << place;
    EXPECT_EQ(before.err, "");
  }
  expect_refused(fleet({"incident", "show", "twice/zz/30"}), 1, "no history of node \"twice\" that begins so");
}

TEST_F(FleetLook, SeveralNodesAreToldOneAfterTheOther) {
  ship_odd();
  ship_twice();
  ship_few();
  const Answer text = fleet_in_window({"history", "--workload", "shop/db/postgres"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* const node : {"Node od/d", "Node few\n", "Node twice, history "})
    EXPECT_NE(text.out.find(node), std::string::npos) << node << text.out;
  const Answer csv = fleet_in_window({"history", "--workload", "shop/db/postgres", "--format", "csv"});
  EXPECT_TRUE(csv.out.starts_with("node,at,at_us,cgroup,")) << csv.out.substr(0, 100);
  EXPECT_NE(csv.out.find("\ntwice,"), std::string::npos);
  EXPECT_NE(fleet_in_window({"history", "db/postgres", "--format", "html"}).out.find("Node few"), std::string::npos);
}

/// A kill arrives some minutes before the scans of its time do.
TEST_F(FleetLook, AKillWhoseScansAreNotThereYetIsNoGap) {
  ship_few();
  ClickHouse owner(engine().settings());
  std::string id, killed_at_us;
  const auto rows = owner.query(
      "SELECT oom_kill_id, killed_at_us FROM cgmm.oom_kill FINAL WHERE node = 'few' AND isNotNull(cgroup_id) AND "
      "source = "
      "'kernel_log' AND (cgroup_id, intDiv(killed_at_us, 600000000)) IN (SELECT cgroup_id, intDiv(at_us, 600000000) "
      "FROM "
      "cgmm.sample WHERE node = 'few') ORDER BY killed_at_us DESC LIMIT 1");
  ASSERT_EQ(rows.size(), 1u);
  const std::string place = "few/" + rows[0][0].value_or("");
  const std::string before = fleet({"incident", "show", place, "--format", "json"}).out;
  const std::string later = "node = 'few' AND started_at_us > " + rows[0][1].value_or("") + " - 480000000";
  owner.query("ALTER TABLE cgmm.scan DELETE WHERE " + later);
  EXPECT_TRUE(test::eventually([&] { return owner.query("SELECT count() FROM cgmm.scan WHERE " + later)[0][0] == "0"; },
                               kPatience));
  const Answer now = fleet({"incident", "show", place, "--format", "json"});
  EXPECT_EQ(now.exit_code, 0) << now.err;
  EXPECT_EQ(now.out.find("No scan from"), std::string::npos) << now.out;
  const auto samples_in = [](const std::string& json) {
    return json.substr(json.find("\"samples\""), json.find("\"reclaims\"") - json.find("\"samples\""));
  };
  EXPECT_GT(samples_in(now.out).size(), 100u) << "they are there without their scans";
  EXPECT_EQ(now.out.find("keep_samples"), std::string::npos) << now.out;
}

/// `ship` sends old scans later, and retention may take some before.
TEST_F(FleetLook, ScansThatAreMissingAreNoGapOfTheNode) {
  ship("holes", 9, "holes");
  ClickHouse owner(engine().settings());
  const auto rows = owner.query(
      "SELECT oom_kill_id, killed_at_us FROM cgmm.oom_kill FINAL WHERE node = 'holes' AND isNotNull(cgroup_id) AND "
      "killed_at_us > 1795079000000000 ORDER BY killed_at_us LIMIT 1");
  ASSERT_EQ(rows.size(), 1u);
  const std::string killed_at_us = rows[0][1].value_or("");
  const std::string some =
      "node = 'holes' AND started_at_us BETWEEN " + killed_at_us + " - 1200000000 AND " + killed_at_us + " - 600000000";
  for (const std::string table : {"scan", "sample"}) {
    const std::string here = table == "scan" ? some : std::regex_replace(some, std::regex("started_at_us"), "at_us");
    owner.query("ALTER TABLE cgmm." + table + " DELETE WHERE " + here);
    EXPECT_TRUE(test::eventually(
        [&] { return owner.query("SELECT count() FROM cgmm." + table + " WHERE " + here)[0][0] == "0"; }, kPatience));
  }
  const Answer answer = fleet({"incident", "show", "holes/" + rows[0][0].value_or(""), "--format", "json"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_TRUE(std::regex_search(answer.out,
                                std::regex("missing\\): fault: ClickHouse does not have [0-9]+ scans of that time")))
      << answer.out;
}

TEST_F(FleetLook, AUserWhoMayOnlyReadSuffices) {
  ship_few();
  for (const char* const user : {"reader", "careful_reader"}) {
    const std::string as = "user = \"" + std::string(user) + "\"\n";
    EXPECT_EQ(fleet({"incident", "show", "few/30"}, as).out, fleet({"incident", "show", "few/30"}).out) << user;
    EXPECT_EQ(
        fleet({"history", "shop/web", "--node", "few", kWindow[0], kWindow[1], kWindow[2], kWindow[3]}, as).exit_code,
        0);
  }
}

TEST_F(FleetLook, WhatIsNotThereIsSaid) {
  ship_few();
  expect_refused(fleet({"incident", "show", "no'de\n/5"}), 1, "knows no node \"no'de\\n\"");
  expect_refused(fleet({"incident", "show", "few/4000"}), 1,
                 "node \"few\" has no OOM kill 4000 in ClickHouse; its latest is few/");
  expect_refused(fleet({"incident", "show", "few/s4000"}), 1, "has no incident s4000");
  expect_refused(fleet({"incident", "show", "latest", "--node", "[x]*"}), 1, "on a node that matches \"[x]*\"");
  expect_refused(fleet_in_window({"history", "nothing/like/it"}), 1,
                 "no samples of a cgroup that matches \"nothing/like/it\"");
  expect_refused(fleet({"incident", "show", "5"}), 2, "expected NODE/ID");
  expect_refused(fleet({"incident", "show", "few/5", "--since", "1d"}), 2,
                 "--since is an option of fleet incident list");
  expect_refused(fleet({"history"}), 2, "of what?");
}

TEST_F(FleetLook, WhoCannotAskIsTold) {
  expect_refused(fleet({"incident", "show", "few/5"}, "user = \"nobody\"\n"), 1, "does not know user \"nobody\"");
  expect_refused(fleet({"history", "x"}, "database = \"other\"\n"), 1,
                 "has no database other: run `cgroup-memory-manager fleet init`");
  const test::TempDir directory;
  const std::string nowhere = (directory.path() / "nowhere.toml").string(),
                    empty = (directory.path() / "empty.toml").string();
  std::ofstream(nowhere) << "[ship]\nurl = \"http://127.0.0.1:1\"\n";
  std::ofstream(empty) << "";
  expect_refused(asked({"incident"}, nowhere), 1, "127.0.0.1:1");
  expect_refused(asked({"history", "x"}, empty), 1, "set url in [ship]");
}

}  // namespace
}  // namespace cgmm::fleet
