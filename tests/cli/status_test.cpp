// SPDX-License-Identifier: Apache-2.0
// `status`: is it running, and how well?
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Status : public CliTest {
 protected:
  Status() { cgroups().put("/web", v1_files(kOver)); }
};

TEST_F(Status, StatusOfARunningServiceIsExitCodeZero) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  const Answer text = ask({"status"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_TRUE(text.out.starts_with("Status\n\nstate: ")) << text.out;
  EXPECT_NE(text.out.find(" running\n"), std::string::npos) << text.out;

  const auto rows = rows_of({"status"});
  ASSERT_EQ(rows.size(), std::size_t{1});
  EXPECT_EQ(rows[0]["state"], "running");
  EXPECT_EQ(rows[0]["pid"], service.pid());
  EXPECT_EQ(rows[0]["parent"], cgroups().root());
  EXPECT_EQ(rows[0]["interval_us"], 100'000);
  EXPECT_GE(rows[0]["scan_count"], 2);
  EXPECT_EQ(rows[0]["cgroup_count"], 1);
  EXPECT_LT(rows[0]["last_scan_age_us"], 5'000'000);
  EXPECT_EQ(rows[0]["fault"], nullptr);
}

TEST_F(Status, StatusOfAServiceThatDoesNotRunIsExitCodeOne) {
  scan();
  const Answer text = ask({"status"});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_NE(text.out.find(" not running\n"), std::string::npos) << text.out;
  EXPECT_EQ(text.err, "");
  const Answer json = ask({"status", "--format", "json"});
  EXPECT_EQ(json.exit_code, 1);
  const auto row = nlohmann::json::parse(json.out)[0];
  EXPECT_EQ(row["state"], "not running");
  EXPECT_EQ(row["pid"], nullptr);
  EXPECT_EQ(row["scan_count"], 1);
}

TEST_F(Status, StatusAfterAKillIsNotRunning) {
  {
    auto service = start();
    ASSERT_TRUE(wait_for_scans(1));
    service.kill();
  }
  EXPECT_EQ(ask({"status"}).exit_code, 1);
}

}  // namespace
}  // namespace cgmm::test
