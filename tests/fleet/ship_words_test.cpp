// SPDX-License-Identifier: Apache-2.0
// The log of `ship`, and what it calls the node, where no server answers.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fleet/ship/made_up_history.hpp"
#include "support/eventually.hpp"
#include "support/program.hpp"

namespace cgmm::fleet {
namespace {

/// What it says until it has failed once.
std::string log_of(const std::string& level) {
  const test::TempDir directory;
  const auto history = directory.path() / "history.db", config = directory.path() / "config.toml";
  const auto log = directory.path() / "log";
  MadeUpHistory(history, 1).scan();
  std::ofstream(config) << "database = \"" << history.string() << "\"\nlog_level = \"" << level
                        << "\"\n[ship]\nurl = \"http://127.0.0.1:1\"\nevents_every = \"1s\"\nstate_file = \""
                        << (directory.path() / "state.json").string() << "\"\n";
  test::ChildProcess ship = test::ChildProcess::fork_off(
      [&] { return test::become_program({"ship", "--config", config.string()}, {log, log}, {}); });
  EXPECT_TRUE(test::eventually([&] {
    return test::content_of(log).find("the history can't be sent") != std::string::npos;
  })) << test::content_of(log);
  return test::content_of(log);
}

TEST(ShipLog, HasWhatLogLevelWants) {
  const std::string info = log_of("info"), warn = log_of("warn");
  EXPECT_NE(info.find("info: sends "), std::string::npos) << info;
  EXPECT_EQ(warn.find("info: "), std::string::npos) << warn;
  EXPECT_NE(warn.find("warning: "), std::string::npos) << warn;
}

TEST(ShipNode, IsCalledAsTheOptionSaysElseTheEnvironmentElseTheConfiguration) {
  const test::TempDir directory;
  const auto config = directory.path() / "config.toml";
  std::ofstream(config) << "[ship]\nurl = \"http://127.0.0.1:1\"\nnode = \"configured\"\n";
  const auto called = [&](const std::vector<std::string>& more, const test::Environment& environment) {
    std::vector<std::string> arguments{"ship", "--check", "--config", config.string(), "--format", "csv"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const std::string said = test::run_program(arguments, environment).out;
    const auto at = said.find("is called ");
    return at == std::string::npos ? said : said.substr(at, said.find_first_of(",\n", at) - at);
  };
  EXPECT_EQ(called({}, {}), "is called configured");
  EXPECT_EQ(called({}, {{"CGMM_NODE", "from-kubernetes"}}), "is called from-kubernetes");
  EXPECT_EQ(called({"--node", "typed"}, {{"CGMM_NODE", "from-kubernetes"}}), "is called typed");
}

}  // namespace
}  // namespace cgmm::fleet
