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
  EXPECT_TRUE(text.out.starts_with("Running since 2")) << text.out;
  EXPECT_NE(text.out.find(" ago, 1 cgroup, no fault.\n\nStatus\n\nstate: "), std::string::npos) << text.out;
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
  EXPECT_GT(rows[0]["samples_from_at_us"], 0);
  EXPECT_EQ(rows[0]["hours_from_at_us"], nullptr);
  EXPECT_EQ(rows[0]["growth_a_day_bytes"], nullptr);
  EXPECT_EQ(rows[0]["max_size_lasts"], "not known yet");
  EXPECT_FALSE(rows[0].contains("configuration")) << rows[0];

  const Answer line = ask({"status", "--short"});
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_TRUE(line.out.starts_with("Running since 2")) << line.out;
  EXPECT_TRUE(line.out.ends_with(", 1 cgroup, no fault.\n")) << line.out;
}

TEST_F(Status, AMistakeInTheConfigurationFileDoesNotMakeAHealthyServiceIll) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  write_config("interval = 'soon'\ndatabase = '" + database().string() + "'\n");
  const Answer line = program({"status", "--short", "--config", config()});
  EXPECT_EQ(line.exit_code, 0) << line.err;
  EXPECT_TRUE(line.out.ends_with("The configuration file: it is wrong: the service goes on with the earlier one.\n"))
      << line.out;
  EXPECT_NE(line.err.find("interval = \"soon\": expected "), std::string::npos) << line.err;
}

TEST_F(Status, AConfigurationThatWasNotReloadedIsTold) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  std::filesystem::last_write_time(config(), std::filesystem::file_time_type::clock::now() + std::chrono::seconds{1});
  const auto changed = rows_of({"status"}).at(0);
  EXPECT_EQ(changed["state"], "running");
  EXPECT_NE(changed["configuration"].get<std::string>().find(", and not reloaded since"), std::string::npos) << changed;
  std::filesystem::last_write_time(config(), std::filesystem::file_time_type::clock::now());
  service.signal(SIGHUP);
  ASSERT_TRUE(eventually(
      [&] { return number_so_far("SELECT count(*) FROM service_event WHERE kind = 'config_change'") == 1; }));
  EXPECT_FALSE(rows_of({"status"}).at(0).contains("configuration"));
}

TEST_F(Status, ADayOfScansTellsHowFastTheHistoryGrowsAndHowLongMaxSizeIsEnough) {
  scan();
  SQLite::Database(database(), SQLite::OPEN_READWRITE)
      .exec(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1440) "
          "INSERT INTO scan (started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) "
          "SELECT (SELECT max(started_at_us) FROM scan) + i * 60000000, 1, 500, 0, 0, 60000000 FROM n");
  const auto row = [&] { return nlohmann::json::parse(ask({"status", "--format", "json"}).out)[0]; };
  EXPECT_EQ(row()["growth_a_day_bytes"], 720'000 * 8 + 12'000 * 120);
  EXPECT_TRUE(row()["max_size_lasts"].get<std::string>().starts_with("until 2")) << row();
  write_config("keep_samples = '50d'");
  EXPECT_EQ(row()["max_size_lasts"], "for all that is kept") << "50 days of samples, 400 days of hours";
  write_config("archive = false");
  EXPECT_EQ(row()["growth_a_day_bytes"], 720'000 * 70 + 12'000 * 120);
  write_config("archive = false\nmax_size = '64Mi'");
  EXPECT_TRUE(row()["max_size_lasts"].get<std::string>().starts_with("until 2")) << row();
  const Answer check = ask({"check", "--parent", cgroups().root(), "--format", "json"});
  EXPECT_NE(check.out.find("a day takes about 49.4 MiB; max_size is enough until 2"), std::string::npos) << check.out;
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
