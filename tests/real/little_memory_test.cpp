// SPDX-License-Identifier: Apache-2.0
// Who reads a long history in little memory, as in the service's own pod: no command is killed by the kernel.
#include <csignal>

#include "real/real_test.hpp"
#include "support/program.hpp"

namespace cgmm::test {
namespace {

class LittleMemory : public RealTest {
 protected:
  /// Eight hours of 200 cgroups, every 10 s. All samples at once are more than 32 MiB.
  void make_history() {
    ServiceProcess service({"--config", config(), "--parent", tree().dir(), "--database", database(), "--cycles", "1"},
                           log());
    ASSERT_EQ(service.wait_for_exit(), 0) << service.output();
    SQLite::Database db(database(), SQLite::OPEN_READWRITE);
    db.exec(R"(
      PRAGMA journal_mode = OFF;
      BEGIN;
      CREATE TEMP TABLE n (i INTEGER PRIMARY KEY);
      INSERT INTO n WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 2880;
      INSERT INTO cgroup (cgroup_id, path, inode, first_seen_at_us, last_seen_at_us, workload)
        SELECT 1000 + i, printf('/kubepods/burstable/pod%064d', i), i, 1, 1, 'shop/web' || (i % 20) FROM n LIMIT 200;
      INSERT INTO cgroup_limit SELECT 1000 + i, 1, 209715200, 209715200, NULL FROM n LIMIT 200;
      INSERT INTO scan (scan_id, started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us)
        SELECT 1000000 + i, (SELECT max(started_at_us) FROM scan) - (2881 - i) * 10000000, 4000, 200, 0, 0, 10000000
          FROM n;
      INSERT INTO sample (scan_id, cgroup_id, usage_kib, anon_kib, file_kib, shmem_kib, kernel_kib, pgmajfault,
                          refault_file, psi_some_us)
        SELECT 1000000 + scans.i, 1000 + cgroups.i, 200000 + (scans.i * cgroups.i) % 4000, 190000,
               (scans.i + cgroups.i) % 5000, 0, 1000, 1, scans.i % 7, 5
          FROM n scans, n cgroups WHERE cgroups.i <= 200;
      INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, cause)
        SELECT 1007, (SELECT max(started_at_us) FROM scan) - i * 3600000000, 'kernel_log', 'cgroup', 'python3',
               'anon_growth' FROM n LIMIT 5;
      COMMIT;
    )");
  }

  /// Its exit code, -9 if the kernel killed it.
  std::optional<int> in_little_memory(std::vector<std::string> command) {
    const auto cgroup = tree().make("reader", 32 * kMiB);
    command.insert(command.end(), {"--database", database(), "--config", config(), "--max-time", "0"});
    ChildProcess reader = ChildProcess::fork_off([&] {
      write_cgroup_file(cgroup / "cgroup.procs", std::to_string(::getpid()));
      return become_program(command, {file("out"), file("err")}, {});
    });
    return reader.wait_for_exit(std::chrono::minutes{2});
  }
};

TEST_F(LittleMemory, IsEnoughForEveryReportOfALongHistory) {
  make_history();
  std::vector<std::vector<std::string>> commands{{"report"},
                                                 {"report", "--format", "html"},
                                                 {"report", "--format", "json"},
                                                 {"incident"},
                                                 {"incident", "show", "latest"},
                                                 {"incident", "show", "latest", "--format", "html"},
                                                 {"metrics", "--containers"}};
  for (const auto& entry : std::filesystem::directory_iterator(CGMM_SOURCE_DIR "/reports")) {
    const std::string name = entry.path().stem();
    // Those of incidents and metrics have been asked above, history, live and simulate are commands, and parts are of
    // other reports.
    const bool is_report = !name.starts_with("incident_") && !name.starts_with("metric_") &&
                           !name.starts_with("simulate_") && !name.starts_with("live_") && !name.starts_with("part_") &&
                           !name.starts_with("history");
    if (is_report) commands.push_back({"report", name, "--since", "1d"});
  }
  for (const auto& command : commands) {
    EXPECT_EQ(in_little_memory(command), 0) << command[command.size() > 1 ? 1 : 0] << "\n"
                                            << std::ifstream(file("err")).rdbuf();
  }
}

TEST_F(LittleMemory, IsEnoughForTenThousandKills) {
  make_history();
  SQLite::Database(database(), SQLite::OPEN_READWRITE)
      .exec(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
          "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, victim_pid, cause, victim_path, "
          "limit_path, limit_bytes) "
          "SELECT c.cgroup_id, (SELECT max(started_at_us) FROM scan) - i * 2800000, 'kernel_log', 'cgroup', 'python3', "
          "i, 'anon_growth', c.path, c.path, 209715200 FROM n JOIN cgroup c ON c.cgroup_id = 1001 + i % 200");
  std::vector<std::vector<std::string>> commands;
  for (const std::string format : {"text", "markdown", "html", "csv", "json"}) {
    commands.push_back({"incident", "list", "--format", format});
    for (const std::string name : {"oom_kills", "memory_before_kill", "kills_by_workload", "near_misses"}) {
      if (name == "memory_before_kill" && format == "json") continue;  // 60 000 rows: 23 MiB of text
      commands.push_back({"report", name, "--since", "2d", "--format", format});
    }
    commands.push_back({"report", "--format", format});
    if (format != "csv") commands.push_back({"incident", "show", "latest", "--format", format});
  }
  commands.push_back({"history", "*0007", "--format", "html"});
  for (const auto& command : commands) {
    std::string line;
    for (const std::string& word : command) line += word + " ";
    EXPECT_EQ(in_little_memory(command), 0) << line << "\n" << std::ifstream(file("err")).rdbuf();
  }
  std::filesystem::remove(file("out"));  // what commands say is appended
  EXPECT_EQ(in_little_memory({"report", "oom_kills", "--since", "2d", "--format", "csv"}), 0);
  std::ifstream csv(file("out"));
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(csv), {}, '\n'), 1 + 10005) << "all of them";
}

/// What can't be had in little memory is refused before the kernel kills it.
TEST_F(LittleMemory, WhatIsTooMuchForItIsRefusedWithASentence) {
  make_history();
  for (const std::string format : {"csv", "json"}) {
    EXPECT_EQ(in_little_memory({"query", "SELECT * FROM v_sample", "--format", format, "--max-memory", "16Mi"}), 1);
  }
}

}  // namespace
}  // namespace cgmm::test
