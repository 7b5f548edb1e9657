// SPDX-License-Identifier: Apache-2.0
// fleet/try, the README's one command for the fleet: a real ClickHouse, three made nodes, and what it says where that
// can't be.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace cgmm::test {
namespace {

constexpr const char* kTry = CGMM_SOURCE_DIR "/fleet/try";

Answer run_try(std::vector<std::string> arguments, const Environment& more = {}) {
  const TempDir files;
  const Streams streams{files.path() / "out", files.path() / "err"};
  arguments.insert(arguments.begin(), "--once");
  ChildProcess child = ChildProcess::fork_off([&] { return become(kTry, arguments, streams, more); });
  const auto exit_code = child.wait_for_exit(std::chrono::minutes{4});
  return {exit_code.value_or(-1), content_of(streams.out), content_of(streams.err)};
}

void expect_removed(const std::string& said) {
  std::smatch found;
  ASSERT_TRUE(std::regex_search(said, found, std::regex("all files are in (\\S+)"))) << said;
  EXPECT_FALSE(std::filesystem::exists(found[1].str())) << found[1];
}

TEST(FleetTry, AnswersForThreeNodesAndLeavesNothingBehind) {
  if (!std::filesystem::exists("/usr/sbin/clickhouse-server"))
    GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes Debian's clickhouse-server ***";
  const Answer answer = run_try({CGMM_PROGRAM});
  ASSERT_EQ(answer.exit_code, 0) << answer.out << answer.err;
  EXPECT_EQ(answer.err, "");
  for (const char* const node : {"node-1 (zone-a)", "node-2 (zone-b)", "node-3 (zone-b)"}) {
    EXPECT_TRUE(std::regex_search(answer.out, std::regex(std::regex_replace(node, std::regex("[()]"), "\\$&") +
                                                         ": [1-9][0-9]{4} rows were sent")))
        << node << answer.out;
  }
  // Five kills on one node and three on another are one row.
  EXPECT_TRUE(std::regex_search(answer.out, std::regex("shop/web/app +\\S* +8 .*anon"))) << answer.out;
  EXPECT_NE(answer.out.find("shop/db/postgres"), std::string::npos) << answer.out;
  expect_removed(answer.out);
}

TEST(FleetTry, SaysWhatIsMissing) {
  Answer answer = run_try({CGMM_PROGRAM}, {{"CLICKHOUSE_SERVER", "/nowhere/clickhouse-server"}});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_NE(answer.err.find("there is no ClickHouse here (/nowhere/clickhouse-server): as root, `apt-get install"),
            std::string::npos)
      << answer.err;
  answer = run_try({"/nowhere/program"}, {{"CLICKHOUSE_SERVER", "/bin/true"}});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_NE(answer.err.find("/nowhere/program: no such program"), std::string::npos) << answer.err;
  const TempDir alone;
  std::filesystem::copy_file(CGMM_PROGRAM, alone.path() / "cgmm");
  answer = run_try({(alone.path() / "cgmm").string()}, {{"CLICKHOUSE_SERVER", "/bin/true"}});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_NE(answer.err.find("/cgmm needs cgroup-memory-manager-fleet beside it"), std::string::npos) << answer.err;
  answer = run_try({"--twice"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_NE(answer.err.find("--twice: expected --once or a program"), std::string::npos) << answer.err;
}

TEST(FleetTry, SaysWhyClickHouseDoesNotStart) {
  const TempDir files;
  const auto server = files.path() / "clickhouse-server";
  std::ofstream(server) << "#!/bin/sh\necho 'Address already in use: 127.0.0.1:8123'\nexit 1\n";
  std::filesystem::permissions(server, std::filesystem::perms::owner_all);
  const Answer answer = run_try({CGMM_PROGRAM}, {{"CLICKHOUSE_SERVER", server.string()}});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_NE(answer.err.find("Address already in use"), std::string::npos) << answer.err;
  EXPECT_NE(answer.err.find("ClickHouse does not start; it says why above. If a port was in use"), std::string::npos)
      << answer.err;
  expect_removed(answer.out);
}

}  // namespace
}  // namespace cgmm::test
