// SPDX-License-Identifier: Apache-2.0
// The package's life on a node with systemd: guest/run, booted once, and what it found.
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "systemd/package.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

using State = std::map<std::string, std::string>;

class Node : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (package_file().empty()) {
      if (boot_.said.empty()) boot_.said = "systemd.package has made no package";
      return;
    }
    boot_ = run_script("tests/systemd/boot", {package_file().string(), CGMM_STOP_THREAD, out().string()});
  }
  void SetUp() override {
    if (boot_.status == 77) GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << last_line(boot_.said) << " ***";
    ASSERT_EQ(boot_.status, 0) << boot_.said << "The console said at last:\n"
                               << tail_of(content_of(out() / "console.log"));
  }

  static fs::path out() { return fs::path{CGMM_SYSTEMD_OUT_DIR} / "node"; }
  static std::string result(const std::string& file) {
    if (!fs::exists(out() / "results" / file)) ADD_FAILURE() << "the guest left no " << file;
    return content_of(out() / "results" / file);
  }
  static std::int64_t number(const std::string& file) { return std::stoll(result(file)); }
  /// What systemd says of the unit.
  static State state(const std::string& file) {
    State state;
    std::istringstream lines(result(file));
    for (std::string line; std::getline(lines, line);)
      state[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    return state;
  }
  static bool said(const std::string& file, const std::string& words) {
    return result(file).find(words) != std::string::npos;
  }

  static inline ScriptRun boot_;
};

TEST_F(Node, WhateverTheGuestWaitedForCame) {
  EXPECT_EQ(result("failures"), "") << result("run.log") << result("waits.log");
}

TEST_F(Node, AnInstallationStartsTheServiceAndItIsReady) {
  EXPECT_EQ(number("install.status"), 0) << result("install.txt");
  State unit = state("installed.state");
  EXPECT_EQ(unit["Type"], "notify");
  EXPECT_EQ(unit["ActiveState"] + " " + unit["SubState"], "active running");
  EXPECT_EQ(unit["UnitFileState"], "enabled");
  EXPECT_EQ(unit["NRestarts"], "0");
  EXPECT_NE(unit["StatusText"].find("last scan"), std::string::npos) << unit["StatusText"];
  EXPECT_EQ(result("ready-scans"), "1\n") << "it was ready without a scan on record";
  EXPECT_EQ(result("verified.txt"), "") << "files that differ from the package's";
  EXPECT_EQ(result("unit-warnings.txt"), "");
}

TEST_F(Node, TheExposureIsLow) {
  std::istringstream words(last_line(result("security.txt")));  // "→ Overall exposure level for X.service: 1.7 OK"
  double exposure = 10;
  for (std::string word; words >> word;) {
    if (word.ends_with(".service:")) words >> exposure;
  }
  std::cout << last_line(result("security.txt")) << "\n";
  EXPECT_LE(exposure, 2.0) << result("security.txt");
  EXPECT_GT(exposure, 0.0);
}

TEST_F(Node, TheHistoryIsForRootAndTheGroupAdm) {
  const std::string modes = result("modes.txt");
  EXPECT_NE(modes.find("750 root:adm /var/lib/cgroup-memory-manager\n"), std::string::npos) << modes;
  for (const char* file : {"", "-wal", "-shm"}) {
    EXPECT_NE(modes.find("640 root:adm /var/lib/cgroup-memory-manager/history.db" + std::string(file) + "\n"),
              std::string::npos)
        << modes;
  }
  EXPECT_EQ(number("adm-reads.status"), 0) << result("adm-reads.txt");
  EXPECT_EQ(number("nobody-reads.status"), 1) << result("nobody-reads.txt");
}

TEST_F(Node, AReloadReadsTheConfigurationAgainInTheSameProcess) {
  EXPECT_EQ(number("reload.status"), 0);
  EXPECT_EQ(result("reload.pid"), "same\n");
}

TEST_F(Node, AReloadOfAWrongConfigurationFailsAndSaysWhyAndTheServiceGoesOn) {
  EXPECT_NE(number("refused.status"), 0) << result("refused.txt");
  EXPECT_EQ(result("refused.active"), "active\n");
  EXPECT_TRUE(said("refused.journal", "treshold = \"10%\": expected a known key")) << result("refused.journal");
}

TEST_F(Node, UnderTheHardenedUnitAContainerIsReclaimed) {
  const std::string row = result("reclaim.csv");
  EXPECT_TRUE(row.starts_with("/kubepods.slice/")) << row;
  EXPECT_NE(row.find(".scope,memory.reclaim,done,"), std::string::npos) << row;
  EXPECT_TRUE(row.ends_with(",-\n")) << "an error: " << row;
  const std::int64_t freed_bytes = std::stoll(row.substr(row.find("done,") + 5));
  EXPECT_GT(freed_bytes, 1 << 20) << row;
  // The kernel's own count: the container stays below its limit, so nobody else makes it give pages back.
  const std::string stat = result("container.memory.stat");
  EXPECT_GE(std::stoll(stat.substr(stat.find("\npgsteal ") + 9)) * 4096, freed_bytes * 9 / 10) << row << stat;
  EXPECT_EQ(number("status.status"), 0) << result("status.txt");
}

TEST_F(Node, AHungSamplerIsEndedByTheWatchdogAndAnotherOneIsReady) {
  EXPECT_EQ(number("stop-thread.status"), 0);
  State before = state("hung.before");
  State after = state("hung.after");
  EXPECT_NE(before["MainPID"], after["MainPID"]);
  EXPECT_EQ(after["ActiveState"], "active");
  EXPECT_EQ(std::stoi(after["NRestarts"]), std::stoi(before["NRestarts"]) + 1);
  EXPECT_TRUE(said("journal.txt", "the sampler makes no progress")) << result("journal.txt");
  EXPECT_TRUE(said("journal.txt", "Watchdog timeout")) << result("journal.txt");
  EXPECT_TRUE(said("events.csv", "crash_found,1")) << result("events.csv");
  EXPECT_EQ(result("hung.reclaims"), "1\n") << "the cooldown did not hold";
}

TEST_F(Node, AnUpgradeRestartsItAndKeepsConfigurationHistoryAndCooldowns) {
  EXPECT_EQ(number("upgrade.status"), 0) << result("upgrade.txt");
  EXPECT_TRUE(result("upgrade.version").ends_with("+next\n")) << result("upgrade.version");
  EXPECT_EQ(result("while-upgrading"), "active\n") << "it protects the node until the new one takes over";
  State before = state("upgrade.before");
  State after = state("upgrade.after");
  EXPECT_NE(before["InvocationID"], after["InvocationID"]);
  EXPECT_EQ(after["ActiveState"], "active");
  EXPECT_EQ(result("config.after"), result("config.edited"));
  EXPECT_EQ(result("config.files"), "config.toml\nconfig.toml.dpkg-dist\n");
  EXPECT_NE(result("cooldown.before"), "");
  EXPECT_EQ(result("cooldown.after"), result("cooldown.before"));
  EXPECT_GE(number("upgraded.cache_kib"), 16 * 1024) << "over the threshold again";
  EXPECT_EQ(result("upgraded.reclaims"), "1\n") << "the cooldown did not hold";
}

TEST_F(Node, ARemovalEndsItAndKeepsConfigurationAndHistory) {
  EXPECT_EQ(number("remove.status"), 0) << result("remove.txt");
  State unit = state("removed.state");
  EXPECT_NE(unit["ActiveState"], "active");
  EXPECT_EQ(unit["MainPID"], "0");
  EXPECT_FALSE(fs::exists(out() / "results/removed.process")) << result("removed.process");
  EXPECT_EQ(result("removed.files"),
            "/etc/cgroup-memory-manager/config.toml\n/var/lib/cgroup-memory-manager/history.db\n");
}

TEST_F(Node, APurgeLeavesNothing) {
  EXPECT_EQ(number("purge.status"), 0) << result("purge.txt");
  EXPECT_EQ(result("purged.left"), "");
}

}  // namespace
}  // namespace cgmm::test
