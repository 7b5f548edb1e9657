// SPDX-License-Identifier: Apache-2.0
// A configuration that can't be read to its end: something else than a file, or one on a disk that hangs. fanotify
// stands in for that disk: whoever opens the file waits for an answer.
#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

#include "cli/cli_test.hpp"
#include "support/notify_socket.hpp"
#include "support/pipe.hpp"

namespace cgmm::test {
namespace {

using std::chrono::seconds;

class HangingConfig : public CliTest {
 protected:
  HangingConfig() { cgroups().put("/web", v1_files(kBelow)); }

  void put_fifo() const {
    std::filesystem::remove(config());
    ASSERT_EQ(::mkfifo(config().c_str(), 0644), 0);
  }
  std::string refusal() const { return config().string() + ": can't be read: it is no regular file"; }
  bool says(const std::string& words) const { return content_of(log()).find(words) != std::string::npos; }
};

/// Nobody else can open the file as long as this lives.
class HangingFile {
 public:
  explicit HangingFile(const std::filesystem::path& file)
      : fd_(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY)),
        hangs_(::fanotify_mark(fd_.get(), FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, file.c_str()) == 0) {}

  bool hangs() const { return hangs_; }
  /// Whether somebody waits for it; to be asked once.
  bool is_waited_for() const {
    fanotify_event_metadata event{};
    return ::read(fd_.get(), &event, sizeof event) > 0;
  }

 private:
  Fd fd_;
  bool hangs_;
};

constexpr const char* kNoFanotify =
    "*** SKIPPED, NOTHING WAS TESTED: only root, with a kernel that has it, can make a file hang by fanotify ***";

TEST_F(HangingConfig, AtAStartOnlyAFileIsTaken) {
  put_fifo();
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"run", "--cycles", "1"}, {"check"}, {"status"}}) {
    auto arguments = command;
    arguments.insert(arguments.end(), {"--config", config()});
    const Answer answer = program(arguments);
    EXPECT_EQ(answer.exit_code, 2) << command.front();
    EXPECT_EQ(answer.err, "cgroup-memory-manager: " + refusal() + "\n") << command.front();
  }
}

TEST_F(HangingConfig, AFifoAtAReloadIsRefusedAndTheServiceGoesOn) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));
  put_fifo();
  service.signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return event_count("config_error") == 1; }));
  EXPECT_EQ(text("SELECT detail FROM service_event WHERE kind = 'config_error'"), refusal());
  EXPECT_TRUE(wait_for_scans(2));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(seconds{5}), 0);
}

TEST_F(HangingConfig, OnADiskThatHangsKeepsNeitherTheWatchdogNorStatusNorTheStopWaiting) {
  NotifySocket manager(file("notify").string());
  ServiceProcess service(service_arguments({"--interval", "100ms"}), log(),
                         {{"NOTIFY_SOCKET", file("notify").string()}, {"WATCHDOG_USEC", "1000000"}});
  ASSERT_TRUE(manager.next_with("READY"));
  const HangingFile hanging(config());
  if (!hanging.hangs()) GTEST_SKIP() << kNoFanotify;
  service.signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return hanging.is_waited_for(); }));
  ASSERT_TRUE(eventually([&] { return says("the configuration has not been read for "); }));
  for (int fed = 0; fed < 3; ++fed) EXPECT_TRUE(manager.next_with("WATCHDOG=1"));
  EXPECT_TRUE(wait_for_scans(2));
  const Answer status = program({"status", "--config", "/dev/null", "--database", database(), "--format", "json"});
  const auto row = nlohmann::json::parse(status.out)[0];
  EXPECT_TRUE(row["state"].get<std::string>().starts_with("running")) << status.out;
  EXPECT_NE(row["faults"].get<std::string>().find("configuration"), std::string::npos) << status.out;
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(seconds{5}), 0);
  EXPECT_EQ(event_count("stop"), 1);
}

TEST_F(HangingConfig, OnADiskThatComesBackIsTaken) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));
  write_config("threshold = '25%'\ncooldown = '2h'");
  {
    const HangingFile hanging(config());
    if (!hanging.hangs()) GTEST_SKIP() << kNoFanotify;
    service.signal(SIGHUP);
    ASSERT_TRUE(eventually([&] { return hanging.is_waited_for(); }));
    service.signal(SIGHUP);  // is not lost
    EXPECT_TRUE(wait_for_scans(2));
    EXPECT_EQ(event_count("config_change"), 0);
  }
  EXPECT_TRUE(eventually([&] { return event_count("config_change") == 2; }));
}

}  // namespace
}  // namespace cgmm::test
