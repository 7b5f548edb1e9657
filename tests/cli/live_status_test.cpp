// SPDX-License-Identifier: Apache-2.0
// `status` as the service itself tells it: also while the database can't be read.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

using std::chrono::seconds;

class LiveStatus : public CliTest {
 protected:
  LiveStatus() { cgroups().put("/web", v1_files(kBelow)); }

  std::filesystem::path socket() const { return file("history.db.sock"); }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
  /// So that it leaves the database alone after its first scan.
  ServiceProcess start_slowly() const { return {service_arguments({"--interval", "1h"}), log()}; }
  nlohmann::json row() const { return rows_of({"status"}).at(0); }
  /// And for the socket, which may be made after them.
  bool wait_for_scans(std::int64_t count) const {
    return CliTest::wait_for_scans(count) && eventually([&] { return std::filesystem::exists(socket()); });
  }
};

TEST_F(LiveStatus, TheServiceAddsWhatItIsDoingNow) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  const auto now = row();
  EXPECT_EQ(now["state"], "running");
  EXPECT_EQ(now["pid"], service.pid());
  EXPECT_EQ(now["faults"], nullptr);
  EXPECT_GE(now["scans_made_count"], now["scans_recorded_count"]);
  EXPECT_GE(now["scans_recorded_count"], 2);
  EXPECT_TRUE(now["sampler"].get<std::string>().starts_with("awake ")) << now;
  EXPECT_EQ(now["reclaimer"], "waiting for a scan");
  EXPECT_FALSE(now["recorder"].get<std::string>().empty());
  EXPECT_FALSE(now.contains("history")) << now;
}

TEST_F(LiveStatus, AnswersWithoutTheDatabase) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  for (const char* const suffix : {"", "-wal", "-shm"}) std::filesystem::remove(database().string() + suffix);
  const Answer answer = ask({"status", "--format", "json"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  const auto now = nlohmann::json::parse(answer.out)[0];
  EXPECT_TRUE(now["state"].get<std::string>().starts_with("running")) << now;
  EXPECT_EQ(now["pid"], service.pid());
  EXPECT_EQ(now["cgroup_count"], 1);
  EXPECT_EQ(now["interval_us"], 100'000);
}

TEST_F(LiveStatus, AnswersWithADatabaseThatCantBeRead) {
  auto service = start_slowly();
  ASSERT_TRUE(wait_for_scans(1));
  std::filesystem::rename(database(), file("aside"));
  write(database(), "dear diary\n");
  std::filesystem::remove(database().string() + "-wal");
  const auto now = row();
  EXPECT_EQ(now["cgroup_count"], 1);
  EXPECT_TRUE(has(now["history"].get<std::string>(), "is not a SQLite database")) << now;
  for (const std::string& format : kFormats) EXPECT_EQ(ask({"status", "--format", format}).exit_code, 0) << format;
}

TEST_F(LiveStatus, ADatabaseThatDoesNotAnswerIsNotWaitedForForLong) {
  auto service = start_slowly();
  ASSERT_TRUE(wait_for_scans(1));
  SQLite::Database(database(), SQLite::OPEN_READONLY, 5000).exec("VACUUM INTO '" + file("copy").string() + "'");
  std::filesystem::rename(database(), file("aside"));
  std::filesystem::rename(file("copy"), database());
  std::filesystem::remove(database().string() + "-wal");
  SQLite::Database locker(database(), SQLite::OPEN_READWRITE);
  locker.exec("BEGIN EXCLUSIVE");
  write(database().string() + "-wal", "not empty: so it is not read without locks");
  const auto now = row();
  EXPECT_EQ(now["cgroup_count"], 1);
  EXPECT_EQ(now["history"], "it could not be read within two seconds");
}

TEST_F(LiveStatus, AFaultIsInTheStateAndTheServiceStillIsFine) {
  cgroups().put("/db", v1_files(kBelow));
  cgroups().put_file("/db", "memory.stat", "no numbers here\n");
  auto service = start();
  ASSERT_TRUE(
      eventually([&] { return number_so_far("SELECT count(*) FROM service_event WHERE fault = 'cgroups'") == 1; }));
  const Answer answer = ask({"status", "--format", "json"});
  EXPECT_EQ(answer.exit_code, 0);
  const auto now = nlohmann::json::parse(answer.out)[0];
  EXPECT_EQ(now["state"], "running, with faults: cgroups");
  EXPECT_EQ(now["faults"], "cgroups");
  EXPECT_TRUE(has(now["fault"].get<std::string>(), "cgroups that can't be read: 1")) << now;

  std::filesystem::remove(socket());
  EXPECT_EQ(row()["state"], "running, with faults: cgroups") << "as the history has it";
}

TEST_F(LiveStatus, WithoutTheSocketThereIsTheHistory) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  std::filesystem::remove(socket());
  const auto now = row();
  EXPECT_EQ(now["state"], "running");
  EXPECT_EQ(now["pid"], service.pid());
  EXPECT_FALSE(now.contains("scans_made_count"));
}

TEST_F(LiveStatus, WhereTheSocketCantBeMadeTheServiceSaysSoAndRuns) {
  std::filesystem::create_directory(socket());
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_TRUE(eventually([&] {
    return has(service.output(), " warning: no status socket, `status` knows only what the history tells: " +
                                     socket().string() + ": File exists");
  })) << service.output();
  EXPECT_EQ(row()["state"], "running");
}

TEST_F(LiveStatus, TheSocketGoesWithTheServiceAndOneThatAKillLeftIsReplaced) {
  {
    auto service = start();
    ASSERT_TRUE(eventually([&] { return std::filesystem::is_socket(socket()); }));
    service.kill();
  }
  ASSERT_TRUE(std::filesystem::is_socket(socket()));
  EXPECT_EQ(ask({"status"}).exit_code, 1);
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));
  EXPECT_TRUE(eventually([&] { return row().contains("scans_made_count"); }));
  service.signal(SIGTERM);
  ASSERT_EQ(service.wait_for_exit(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

TEST_F(LiveStatus, ASecondServiceIsRefusedAndTheFirstGoesOnAnswering) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));
  const Answer second = program(service_arguments({"--cycles", "1"}));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_TRUE(has(second.err, std::to_string(service.pid()))) << second.err;
  const auto now = row();
  EXPECT_EQ(now["pid"], service.pid());
  EXPECT_TRUE(now.contains("scans_made_count"));
}

TEST_F(LiveStatus, AClientThatNeitherReadsNorGoesHoldsNobodyUp) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));
  const int silent = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::connect(silent, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(row().contains("scans_made_count"));
  EXPECT_TRUE(wait_for_scans(2));
  ::close(silent);
}

TEST_F(LiveStatus, Sigusr1LogsTheSame) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(2));
  service.signal(SIGUSR1);
  ASSERT_TRUE(eventually([&] { return has(service.output(), "status: no fault\n"); })) << service.output();
  EXPECT_TRUE(has(service.output(), " info: status: 1 cgroup, last scan ")) << service.output();
  EXPECT_TRUE(has(service.output(), " info: status: sampler: awake ")) << service.output();
  EXPECT_TRUE(wait_for_scans(2)) << "and it goes on";
}

}  // namespace
}  // namespace cgmm::test
