// SPDX-License-Identifier: Apache-2.0
// `complete WHAT`: words for the completions of shells.
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Complete : public CliTest {
 protected:
  void exec(const std::string& sql) const { SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000).exec(sql); }
};

TEST_F(Complete, NamesReportsWorkloadsAndKills) {
  cgroups().put("/web", v1_files(kOver));
  cgroups().put("/other", v1_files(kOver));
  scan();
  exec("UPDATE cgroup SET workload = 'shop/web/app' WHERE path = '/web'");
  exec("UPDATE cgroup SET workload = '$(touch ran)' WHERE path = '/other'");
  exec(
      "INSERT INTO oom_kill (oom_kill_id, cgroup_id, killed_at_us, source, scope) SELECT 16, min(cgroup_id), 1, "
      "'kernel_log', 'cgroup' FROM cgroup");
  write(reports_dir() / "mine.sql", "-- Mine\nSELECT 1");
  write(reports_dir() / "a b.sql", "-- Hostile\nSELECT 1");
  EXPECT_EQ(ask({"complete", "workloads"}).out, "shop/web/app\n");
  EXPECT_EQ(ask({"complete", "kills"}).out, "16\n");
  const std::string reports = "\n" + ask({"complete", "reports"}).out;
  EXPECT_NE(reports.find("\nmine\n"), std::string::npos) << reports;
  EXPECT_NE(reports.find("\nsummary\n"), std::string::npos) << reports;
  EXPECT_EQ(reports.find("a b"), std::string::npos) << reports;
}

TEST_F(Complete, SaysNothingWithoutAHistory) {
  for (const std::string what : {"workloads", "kills", "nonsense"}) {
    const Answer answer = ask({"complete", what});
    EXPECT_EQ(answer.out + answer.err, "") << what;
    EXPECT_EQ(answer.exit_code, 0) << what;
  }
}

}  // namespace
}  // namespace cgmm::test
