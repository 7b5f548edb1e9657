// SPDX-License-Identifier: Apache-2.0
// Starting, stopping and telling the service something, as an init system and an operator do.
#include "real/real_test.hpp"
#include "support/fake_cgroups.hpp"

namespace cgmm::test {
namespace {

using std::chrono::seconds;

class RealLifecycle : public RealTest {
 protected:
  static constexpr auto kLimit = 64 * kMiB;
  static constexpr auto kOver = 32 * kMiB;
};

TEST_F(RealLifecycle, SigtermAndSigintStopItCleanlyWithinTwoSeconds) {
  tree().make("web");
  std::int64_t stops = 0;
  for (const int number_of_signal : {SIGTERM, SIGINT}) {
    auto service = start_service({"--interval", "10s"});
    ASSERT_TRUE(wait_for_scans(1));
    service.signal(number_of_signal);
    EXPECT_EQ(service.wait_for_exit(seconds{2}), 0);
    EXPECT_EQ(event_count("stop"), ++stops);
  }
  EXPECT_EQ(event_count("start"), 2);
  EXPECT_EQ(event_count("crash_found"), 0);
}

TEST_F(RealLifecycle, SighupFromACopiedTreeToTheKernelsSaysThatItsLogIsStillNotRead) {
  FakeCgroups copied;
  copied.put("/web", v1_files({}));
  write_config("parent = '" + copied.root() + "'\n");
  ServiceProcess service({"--config", config(), "--database", database(), "--interval", "200ms"}, log());
  ASSERT_TRUE(wait_for_scans(1));
  write_config("parent = '" + tree().dir().string() + "'\n");
  service.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    std::ifstream said(log());
    return std::string(std::istreambuf_iterator(said), {})
               .find("start anew to have it decided for " + tree().dir().string()) != std::string::npos;
  }));
}

TEST_F(RealLifecycle, ItStopsByItselfAfterTheCyclesAskedFor) {
  tree().make("web");
  auto service = start_service({"--cycles", "3", "--interval", "100ms"});
  EXPECT_EQ(service.wait_for_exit(), 0);
  EXPECT_EQ(scan_count(), 3);
  EXPECT_EQ(number("SELECT count(*) FROM sample"), 3);
}

TEST_F(RealLifecycle, SighupPutsANewConfigurationIntoForce) {
  const Workload web(tree().make("web", kLimit), file("data"), kOver);
  write_config("threshold = '90%'");
  auto service = start_service();
  ASSERT_TRUE(wait_for_scans(3));
  ASSERT_EQ(reclaim_count("web"), 0);

  write_config("threshold = '25%'");
  service.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return finished_reclaim_count("web") == 1; }));
  EXPECT_EQ(event_count("config_change"), 1);
}

TEST_F(RealLifecycle, SighupWithAWrongConfigurationIsReportedAndChangesNothing) {
  const Workload web(tree().make("web", kLimit), file("data"), kOver);
  write_config("threshold = '90%'");
  auto service = start_service();
  ASSERT_TRUE(wait_for_scans(1));

  write_config("threshold = '25%'\ntreshold = '10%'");
  service.signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return event_count("config_error") == 1; }));
  EXPECT_NE(text("SELECT detail FROM service_event WHERE kind = 'config_error'").find("treshold"), std::string::npos);
  ASSERT_TRUE(wait_for_scans(3));
  EXPECT_EQ(reclaim_count("web"), 0);
  EXPECT_TRUE(service.running());
}

TEST_F(RealLifecycle, AWrongConfigurationAtStartIsExitStatusTwo) {
  write_config("threshold = '125%'");
  auto service = start_service();
  EXPECT_EQ(service.wait_for_exit(), 2);
  EXPECT_NE(service.output().find("threshold"), std::string::npos) << service.output();
  EXPECT_NE(service.output().find("125%"), std::string::npos) << service.output();
}

TEST_F(RealLifecycle, ASecondServiceOnTheSameHistoryIsRefused) {
  tree().make("web");
  auto first = start_service();
  ASSERT_TRUE(wait_for_scans(1));

  ServiceProcess second({"--parent", tree().dir(), "--database", database()}, file("second.log"));
  EXPECT_EQ(second.wait_for_exit(), 1);
  EXPECT_NE(second.output().find(std::to_string(first.pid())), std::string::npos)
      << "it names who holds it: " << second.output();
  EXPECT_TRUE(wait_for_scans(2));
  EXPECT_EQ(event_count("start"), 1);
}

// How unit files and DaemonSets start the Rust program. Only the database is ours, and that they end after
// one scan.
TEST_F(RealLifecycle, TheCommandLinesOfTheRustProgramStartIt) {
  const std::string dir = tree().dir();
  const std::vector<std::vector<std::string>> command_lines{
      {"--parent", dir, "--threshold", "25%"},
      {"--parent=" + dir, "--threshold=25%", "--interval", "10", "--cooldown", "30"},
      {"--parent", dir, "--threshold", "100MiB", "--interval", "5", "--cooldown=60"},
  };
  tree().make("web");
  std::int64_t scans = 0;
  for (auto command_line : command_lines) {
    command_line.insert(command_line.end(), {"--database", database(), "--cycles", "1"});
    ServiceProcess service(command_line, log(), {{"RUST_LOG", "info"}});
    EXPECT_EQ(service.wait_for_exit(), 0) << service.output();
    EXPECT_EQ(scan_count(), ++scans);
    EXPECT_FALSE(service.output().empty()) << "RUST_LOG=info says something";
  }
}

}  // namespace
}  // namespace cgmm::test
