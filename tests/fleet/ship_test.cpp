// SPDX-License-Identifier: Apache-2.0
// `ship` and a real ClickHouse: each row of a history is there once, and equal.
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fleet/engine/clickhouse.hpp"
#include "fleet/real_engine.hpp"
#include "fleet/ship/batch_reader.hpp"
#include "fleet/ship/pieces.hpp"
#include "net/gzip.hpp"
#include "store/reader.hpp"
#include "support/program.hpp"

namespace cgmm::fleet {
namespace {

namespace fs = std::filesystem;
using test::Answer;
using test::ChildProcess;
using test::RealEngine;
using test::run_program;

constexpr std::chrono::minutes kPatience{3};
constexpr const char* kTables[] = {"cgroup",   "restart", "cgroup_limit", "oom_kill", "oom_process",
                                   "oom_node", "stuck",   "reclaim",      "cooldown", "service_event",
                                   "scan",     "sample",  "sample_hour"};

/// A history that is made up, a configuration, and ClickHouse with the tables.
class ShipToRealEngine : public ::testing::Test {
 protected:
  explicit ShipToRealEngine(const std::string& kind = "one") : engine_(kind) {
    if (kind == "cluster") init_.insert(init_.end(), {"--cluster", "fleet"});
  }
  void SetUp() override {
    if (!engine_.is_there())
      GTEST_SKIP()
          << "*** SKIPPED, NOTHING WAS TESTED: it takes Debian's clickhouse-server, and a cluster zookeeper ***";
    test::output_of("python3 " CGMM_SOURCE_DIR "/tests/fleet/made_history.py '" + history_.string() + "' 7");
    configure("");
    init_.insert(init_.end(), {"--config", config_});
    ASSERT_EQ(run_program(init_, {}, kPatience).exit_code, 0);
  }

  /// `more`: lines of [ship].
  void configure(const std::string& more) {
    config_ = engine_.config("node = \"n1\"\nstate_file = \"" + state_.string() + "\"\n" + more).string();
  }

  std::vector<std::string> command(const std::string& option) const {
    return {"ship", option, "--config", config_, "--database", history_.string()};
  }
  void ship_all() const {
    const Answer answer = run_program(command("--once"), {}, kPatience);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
  }

  void expect_each_row_once() const {
    ClickHouse engine(engine_.settings());
    for (const std::string table : kTables) {
      std::string columns;
      const std::vector<EngineRow> here = rows_here(table, columns);
      std::vector<EngineRow> there = engine.query("SELECT " + columns + " FROM cgmm." + table + " FINAL");
      std::ranges::sort(there);
      EXPECT_GT(here.size(), 0u) << table;
      EXPECT_EQ(there.size(), here.size()) << table;
      EXPECT_TRUE(there == here) << table;
    }
    EXPECT_EQ(engine.query("SELECT node, lost_samples, lost_rows FROM cgmm.node FINAL"),
              (std::vector<EngineRow>{{"n1", "0", "0"}}));
  }

  const fs::path& state() const { return state_; }
  const RealEngine& engine() const { return engine_; }

 private:
  std::vector<EngineRow> rows_here(const std::string& table, std::string& columns) const {
    store::Reader reader(history_);
    core::Parameters parameters{{"node", "n1"}};
    parameters["history_id"] = reader.run("SELECT value FROM node WHERE key = 'history_id'").rows.at(0).at(0);
    for (const char* unit : {"revision", "scan_id", "hour_us"}) {
      parameters["after_" + std::string(unit)] = std::int64_t{-1};
      parameters["to_" + std::string(unit)] = std::int64_t{1} << 62;
    }
    PieceWriter pieces(table, {});
    reader.run(shipped_sql(table), parameters, pieces);
    std::vector<EngineRow> rows;
    for (const Piece& piece : pieces.finish()) {
      std::string text;
      EXPECT_EQ(net::gunzip(piece.gzipped_rows, std::size_t{1} << 28, text), net::Unpacked::whole);
      std::ranges::move(rows_of(text), std::back_inserter(rows));
      columns.clear();
      for (const std::string& column : piece.columns) {
        columns += (columns.empty() ? "" : ", ") + column;
        if (column == "revision") columns += " % 1073741824";  // greater where all was sent again
      }
    }
    std::ranges::sort(rows);
    return rows;
  }

  RealEngine engine_;
  std::vector<std::string> init_{"fleet", "init"};
  test::TempDir directory_;
  fs::path history_ = directory_.path() / "history.db";
  fs::path state_ = directory_.path() / "state.json";
  std::string config_;
};

TEST_F(ShipToRealEngine, OnceSendsEachRowAndTwiceIsTheSame) {
  const Answer check = run_program(command("--check"));
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  const Answer dry = run_program(command("--dry-run"), {}, kPatience);
  EXPECT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_FALSE(fs::exists(state())) << "a dry run sends nothing";

  ship_all();
  expect_each_row_once();
  ship_all();
  expect_each_row_once();
  fs::remove(state());  // all is sent again
  ship_all();
  expect_each_row_once();
}

class ShipToRealCluster : public ShipToRealEngine {
 protected:
  ShipToRealCluster() : ShipToRealEngine("cluster") {}
};

TEST_F(ShipToRealCluster, EachRowIsThereOnce) {
  ship_all();
  fs::remove(state());  // all is sent again
  ship_all();
  // Who asks the other replica may get an answer before it has all rows.
  ClickHouse one({.urls = {engine().url("shard1-a")}}), other({.urls = {engine().url("shard1-b")}});
  for (const std::string table : kTables) {
    const std::string count = "SELECT count() FROM cgmm." + table + "_local FINAL";
    EXPECT_TRUE(test::eventually([&] { return one.query(count) == other.query(count); }, kPatience)) << table;
  }
  expect_each_row_once();
}

ino_t file_number(const fs::path& file) {
  struct stat about{};
  return ::stat(file.c_str(), &about) == 0 ? about.st_ino : 0;
}

/// The state is written before and after each batch. A round ends in the time after one of these, at whatever instant.
TEST_F(ShipToRealEngine, EachRowIsThereOnceAfterSigkillAtTwentyInstants) {
  constexpr int kRounds = 20, kMostWrites = 4;
  configure("batch_rows = 500\n");  // many batches; if there were more, ClickHouse would make them wait for its merges
  const auto seed = static_cast<unsigned>(std::random_device{}());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const test::TempDir said;
  int killed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const int writes = std::uniform_int_distribution(1, kMostWrites)(random);
    const std::chrono::microseconds then(std::uniform_int_distribution(0, 5000)(random));
    ChildProcess ship = ChildProcess::fork_off(
        [&] { return test::become_program(command("--once"), {said.path() / "out", said.path() / "err"}, {}); });
    ino_t last = file_number(state());
    for (int seen = 0; seen < writes && ship.running();) {
      const ino_t now = file_number(state());
      seen += now != last ? 1 : 0;
      last = now;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    std::this_thread::sleep_for(then);
    ship.signal(SIGKILL);
    const std::optional<int> code = ship.wait_for_exit();
    if (code == 0) std::filesystem::remove(state());  // it was done before: it begins again
    EXPECT_TRUE(code == 0 || code == -SIGKILL) << test::content_of(said.path() / "err");
    killed += code == 0 ? 0 : 1;
  }
  EXPECT_GE(killed, kRounds / 2);
  ship_all();
  expect_each_row_once();
}

TEST_F(ShipToRealEngine, GoesOnUntilItIsStopped) {
  const test::TempDir said;
  configure("events_every = \"1s\"\nsamples_every = \"1s\"\n");
  std::vector<std::string> going_on = command("");
  going_on.erase(going_on.begin() + 1);
  ChildProcess ship = ChildProcess::fork_off(
      [&] { return test::become_program(going_on, {said.path() / "out", said.path() / "err"}, {}); });
  ClickHouse asked(engine().settings());
  EXPECT_TRUE(test::eventually([&] { return asked.query("SELECT count() FROM cgmm.node")[0][0] != "0"; }));
  ship.signal(SIGHUP);  // reads the configuration again
  EXPECT_TRUE(test::eventually([&] {
    return test::content_of(said.path() / "err").find("the configuration was read again") != std::string::npos;
  }));
  ship.signal(SIGTERM);
  EXPECT_EQ(ship.wait_for_exit(), 0) << test::content_of(said.path() / "err");
  ship_all();
  expect_each_row_once();
}

}  // namespace
}  // namespace cgmm::fleet
