// SPDX-License-Identifier: Apache-2.0
// `simulate`, from outside, on a made-up history.
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Simulate : public CliTest {
 protected:
  Simulate() {
    write_config("policy = 'idle'\nreclaim_scope = 'all'\n");
    cgroups().put("/a", v1_files(kBelow));
    scan();
    SQLite::Database db(database(), SQLite::OPEN_READWRITE);
    db.exec("DELETE FROM sample; DELETE FROM scan; DELETE FROM cgroup; DELETE FROM cgroup_limit");
    db.exec(
        "INSERT INTO cgroup (cgroup_id, path, inode, first_seen_at_us, last_seen_at_us, kind) VALUES "
        "(1, '/idle', 1, 1000000000, 1000000000, 'leaf'), (2, '/used', 2, 1000000000, 1000000000, 'leaf')");
    db.exec("INSERT INTO cgroup_limit SELECT cgroup_id, 1000000000, 104857600, 104857600, NULL FROM cgroup");
    db.exec(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO scan (scan_id, "
        "started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) "
        "SELECT i, 1000000000 + i * 10000000, 1000, 2, 0, 0, 10000000 FROM n");
    db.exec(
        "INSERT INTO sample (scan_id, cgroup_id, usage_kib, anon_kib, file_kib, shmem_kib, inactive_file_kib, "
        "active_file_kib, dirty_kib, pgmajfault, refault_file, limit_hits) "
        "SELECT scan_id, cgroup_id, 71680, 10240, 61440, 0, iif(cgroup_id = 1, 61440, 5120), iif(cgroup_id = 1, 0, "
        "56320), 0, 0, 0, 0 FROM scan, cgroup");
  }

  nlohmann::json row_of(const std::string& workload, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {"simulate", "--since", "1970-01-01T00:00:00Z", "--until", "1970-01-01T02:00:00Z"});
    for (const auto& row : rows_of(arguments)) {
      if (row["workload"] == workload) return row;
    }
    ADD_FAILURE() << "no row of " << workload;
    return {};
  }
  Answer answer_to(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {"simulate", "--since", "1970-01-01T00:00:00Z", "--until", "1970-01-01T02:00:00Z"});
    return ask(arguments);
  }
};

TEST_F(Simulate, SaysWhatTheConfigurationWouldHaveDone) {
  const auto idle = row_of("/idle", {});
  EXPECT_EQ(idle["reclaims"], 3);
  EXPECT_EQ(idle["reclaims_was"], 0);
  EXPECT_GT(idle["freed_bytes"], 50 * kMiB);
  EXPECT_EQ(idle["read_back_bytes"], 0);
  EXPECT_EQ(row_of("/used", {})["reclaims"], 0);
  EXPECT_EQ(row_of("all", {})["reclaims"], 3);
}

TEST_F(Simulate, AnotherThresholdCooldownOrPolicyHasAnotherAnswer) {
  EXPECT_EQ(row_of("/idle", {"--threshold", "90%"})["reclaims"], 0);
  EXPECT_EQ(row_of("/idle", {"--cooldown", "1h"})["reclaims"], 1);
  EXPECT_GT(row_of("/used", {"--policy", "rust"})["reclaims"], 10);
  EXPECT_GT(row_of("/used", {"--preset", "rust"})["read_back_most_bytes"], 100 * kMiB);
  EXPECT_GT(row_of("/idle", {"--preset", "refault"})["reclaims"], 10);
  EXPECT_TRUE(row_of("/idle", {"--preset", "psi"})["reclaims"].is_null());
}

TEST_F(Simulate, AnotherPolicyLearnsAsItWouldHave) {
  write_config("policy = 'rust'\nreclaim_scope = 'all'\n");
  EXPECT_EQ(row_of("/idle", {"--policy", "idle"})["reclaims"], 3) << "in doses";
}

TEST_F(Simulate, AnotherFileIsTried) {
  write(file("other.toml"), "[[rule]]\ncgroup = '/idle'\nreclaim = false\n");
  std::filesystem::permissions(file("other.toml"), std::filesystem::perms(0644));
  const Answer answer = program({"simulate", "--since", "1970-01-01T00:00:00Z", "--until", "1970-01-01T02:00:00Z",
                                 "--format", "json", "--config", file("other.toml"), "--database", database()});
  ASSERT_EQ(answer.exit_code, 0) << answer.err;
  for (const auto& row : nlohmann::json::parse(answer.out)) EXPECT_EQ(row["reclaims"], 0) << row;
}

TEST_F(Simulate, OnlyWhatWasAskedForIsReplayed) {
  EXPECT_EQ(row_of("/idle", {"--cgroup", "/idle"})["reclaims"], 3);
  EXPECT_EQ(nlohmann::json::parse(answer_to({"--cgroup", "/idle", "--format", "json"}).out).size(), 1U);
  const Answer none = answer_to({"--cgroup", "nothing"});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_NE(none.out.find("There are no samples of such a cgroup"), std::string::npos) << none.out;
}

TEST_F(Simulate, ABacktestComparesWithTheRecord) {
  SQLite::Database(database(), SQLite::OPEN_READWRITE)
      .exec(
          "INSERT INTO reclaim (cgroup_id, started_at_us, duration_us, method, threshold_bytes, requested_bytes, "
          "freed_bytes, outcome) VALUES (1, 1025000000, 1000, 'force_empty', 26214400, 6291456, 6291456, 'done')");
  const auto row = row_of("/idle", {"--backtest"});
  EXPECT_EQ(row["reclaims_was"], 1);
  EXPECT_TRUE(row["reclaims_error_pct"].is_number()) << row;
}

TEST_F(Simulate, EveryFormatHasIt) {
  for (const std::string& format : kFormats) {
    const Answer answer = answer_to({"--format", format});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_NE(answer.out.find("/idle"), std::string::npos) << format;
  }
}

TEST_F(Simulate, WhatCanNotBeSimulatedIsRefused) {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--preset", "none"},
                                                {"--policy", "all"},
                                                {"--threshold", "much"},
                                                {"--preset", "rust", "--policy", "idle"},
                                                {"--backtest", "--preset", "rust"},
                                                {"--backtest", "--threshold", "10%"}}) {
    const Answer answer = answer_to(wrong);
    EXPECT_EQ(answer.exit_code, 2) << wrong[0];
    EXPECT_EQ(answer.out, "");
    EXPECT_NE(answer.err, "");
  }
}

/// Of a hot set that is read back at once after each reclaim, by the rule that ran and by its replay.
TEST_F(Simulate, TheWeeklyAdviceIsReplayedBeforeItIsGiven) {
  write_config("policy = 'rust'\nreclaim_scope = 'all'\n");
  SQLite::Database db(database(), SQLite::OPEN_READWRITE);
  db.exec(
      "INSERT INTO reclaim (reclaim_id, cgroup_id, started_at_us, duration_us, method, threshold_bytes, "
      "usage_before_bytes, usage_after_bytes, file_before_bytes, file_after_bytes, shmem_before_bytes, freed_bytes, "
      "outcome, stopped_by, step_count) SELECT scan_id, 2, started_at_us + 1000, 1000, 'force_empty', 26214400, "
      "73400320, 10485760, 62914560, 0, 0, 62914560, 'done', 'target', 1 FROM scan WHERE scan_id % 3 = 1");
  db.exec(
      "INSERT INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, regrown_bytes, held_byte_seconds, "
      "verdict, ended_by, judged_by) SELECT reclaim_id, 29990000, 62914560, 62914560, 314572800, 'churn', "
      "'next_reclaim', 'refaults' FROM reclaim");
  db.exec("UPDATE sample SET refault_file = 15360 WHERE cgroup_id = 2 AND scan_id % 3 = 2");
  const Answer answer =
      ask({"report", "--format", "json", "--since", "1970-01-01T00:00:00Z", "--until", "1970-01-01T00:33:20Z"});
  ASSERT_EQ(answer.exit_code, 0) << answer.err;
  const auto advice = nlohmann::json::parse(answer.out)["advice"];
  ASSERT_EQ(advice.size(), 1U) << advice;
  const std::string reason = advice[0]["reason"];
  EXPECT_NE(reason.find("Replayed over"), std::string::npos) << reason;
  EXPECT_NE(reason.find("less would have been read back"), std::string::npos) << reason;
  EXPECT_NE(reason.find("is off by up to "), std::string::npos) << reason;

  // Another configuration than the one that ran: its replay is far off, so nothing is said of it.
  write_config("policy = 'idle'\nreclaim_scope = 'all'\n");
  const Answer other =
      ask({"report", "--format", "json", "--since", "1970-01-01T00:00:00Z", "--until", "1970-01-01T00:33:20Z"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_FALSE(nlohmann::json::parse(other.out)["advice"].empty());
  EXPECT_EQ(other.out.find("Replayed over"), std::string::npos);
}

}  // namespace
}  // namespace cgmm::test
