// SPDX-License-Identifier: Apache-2.0
// The service under systemd: what it is told, in which order, and that a thread which stands still is noticed.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <map>
#include <optional>

#include "cli/cli_test.hpp"
#include "support/notify_socket.hpp"
#include "support/stopped_thread.hpp"

namespace cgmm::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Systemd : public CliTest {
 protected:
  Systemd() { cgroups().put("/web", v1_files(kBelow)); }

  ServiceProcess start_notifying(const std::vector<std::string>& more = {}, const Environment& environment = {}) const {
    std::vector<std::string> arguments = service_arguments({"--interval", "100ms"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    Environment all{{"NOTIFY_SOCKET", file("notify").string()}};
    all.insert(all.end(), environment.begin(), environment.end());
    return ServiceProcess(arguments, log(), all);
  }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
  bool wait_for_log(const ServiceProcess& service, const std::string& part) const {
    return eventually([&] { return has(service.output(), part); });
  }

  NotifySocket manager_{file("notify").string()};
};

constexpr const char* kNoPtrace =
    "*** SKIPPED, NOTHING WAS TESTED: this machine lets no process stop a thread of its child ***";

TEST_F(Systemd, IsToldReadyThenTheStatusThenTheStop) {
  auto service = start_notifying();
  ASSERT_EQ(manager_.next_with("READY"), "READY=1");
  EXPECT_GE(scan_count(), 1) << "the first scan is on record by then";
  const auto status = manager_.next_with("STATUS=1 cgroup");
  ASSERT_TRUE(status);
  EXPECT_TRUE(has(*status, "last scan ")) << *status;
  EXPECT_FALSE(has(*status, "fault")) << *status;
  service.signal(SIGTERM);
  EXPECT_EQ(manager_.next_with("STOPPING"), "STOPPING=1");
  EXPECT_EQ(service.wait_for_exit(), 0);
  EXPECT_EQ(manager_.next(milliseconds{0}), std::nullopt) << "nothing after the stop";
}

TEST_F(Systemd, AServiceThatCantStartIsNeverReady) {
  auto first = start();
  ASSERT_TRUE(wait_for_scans(1));
  auto service = start_notifying();  // on the same history
  EXPECT_NE(service.wait_for_exit(), 0);
  EXPECT_EQ(manager_.next_with("READY", milliseconds{0}), std::nullopt);
}

TEST_F(Systemd, AReloadBeginsAndEnds) {
  auto service = start_notifying();
  ASSERT_TRUE(manager_.next_with("READY"));
  service.signal(SIGHUP);
  const auto reloading = manager_.next_with("RELOADING");
  ASSERT_TRUE(reloading);
  EXPECT_TRUE(reloading->starts_with("RELOADING=1\nMONOTONIC_USEC=")) << *reloading;
  EXPECT_EQ(manager_.next_with("READY"), "READY=1");

  write_config("treshold = '25%'");  // and a wrong one ends as well, or systemd would wait for it
  service.signal(SIGHUP);
  ASSERT_TRUE(manager_.next_with("RELOADING"));
  EXPECT_EQ(manager_.next_with("READY"), "READY=1");
}

TEST_F(Systemd, TheWatchdogOfAnotherProcessIsNotFed) {
  auto service = start_notifying({}, {{"WATCHDOG_USEC", "200000"}, {"WATCHDOG_PID", "1"}});
  ASSERT_TRUE(manager_.next_with("READY"));
  EXPECT_EQ(manager_.next_with("WATCHDOG", milliseconds{500}), std::nullopt);
}

TEST_F(Systemd, ASamplerThatHangsIsAFaultAndEndsTheFeedingOfTheWatchdogUntilItGoesOn) {
  auto service = start_notifying({}, {{"WATCHDOG_USEC", "400000"}});
  ASSERT_TRUE(manager_.next_with("READY"));
  EXPECT_EQ(manager_.next_with("WATCHDOG"), "WATCHDOG=1");
  EXPECT_EQ(manager_.next_with("WATCHDOG"), "WATCHDOG=1");
  {
    const StoppedThread sampler(service.pid(), "sampler");
    if (!sampler.stopped()) GTEST_SKIP() << kNoPtrace;
    std::optional<std::string> status;
    do status = manager_.next_with("STATUS");
    while (status && !has(*status, "; fault: the sampler makes no progress for "));
    ASSERT_TRUE(status);
    EXPECT_TRUE(eventually([&] { return event_count("fault_begin") == 1; }));
    EXPECT_EQ(text("SELECT fault FROM service_event WHERE kind = 'fault_begin'"), "sampler");
    while (manager_.next(milliseconds{0})) {
    }
    EXPECT_EQ(manager_.next_with("WATCHDOG", milliseconds{1000}), std::nullopt) << "two times and a half its time";
    ASSERT_TRUE(eventually([&] { return ask({"status"}).exit_code == 1; })) << "the last scan gets old";
    EXPECT_TRUE(has(ask({"status"}).out, "running, but the last scan is old, with faults: sampler\n"))
        << ask({"status"}).out;
  }
  EXPECT_EQ(manager_.next_with("WATCHDOG"), "WATCHDOG=1");
  EXPECT_TRUE(eventually([&] { return event_count("fault_end") == 1; }));
  EXPECT_TRUE(wait_for_log(service, " warning: the sampler makes progress again")) << service.output();
  EXPECT_EQ(ask({"status"}).exit_code, 0);
}

TEST_F(Systemd, ARecorderThatHangsWithItsDiskEndsNeitherTheWatchdogNorTheScans) {
  auto service = start_notifying({}, {{"WATCHDOG_USEC", "400000"}});
  ASSERT_TRUE(manager_.next_with("READY"));
  const StoppedThread recorder(service.pid(), "recorder");
  if (!recorder.stopped()) GTEST_SKIP() << kNoPtrace;
  const std::int64_t recorded = scan_count();
  const auto made = [&] { return rows_of({"status"})[0]["scans_made_count"].get<std::int64_t>(); };
  const std::int64_t before = made();
  EXPECT_TRUE(eventually([&] { return made() > before + 2; }));
  EXPECT_EQ(scan_count(), recorded);
  EXPECT_GT(rows_of({"status"})[0]["records_waiting_count"], 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(manager_.next_with("WATCHDOG"), "WATCHDOG=1");
}

TEST_F(Systemd, AReclaimThatTakesItsTimeIsNoReasonForARestart) {
  cgroups().put("/over", v1_files(kOver));
  cgroups().remove_file("/over", "memory.force_empty");
  ASSERT_EQ(::mkfifo((cgroups().root() + "/over/memory.force_empty").c_str(), 0600), 0);  // opening it blocks
  auto service = start_notifying({}, {{"WATCHDOG_USEC", "400000"}});
  ASSERT_TRUE(manager_.next_with("READY"));
  ASSERT_TRUE(eventually(
      [&] { return has(rows_of({"status"})[0]["reclaimer"].get<std::string>(), "asking the kernel for "); }));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(manager_.next_with("WATCHDOG"), "WATCHDOG=1");
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(seconds{3}), 0);
}

TEST_F(Systemd, TheRecorderYieldsToOthersAndTheSamplerDoesNot) {
  auto service = start_notifying();
  ASSERT_TRUE(manager_.next_with("READY"));
  std::map<std::string, int> nice;
  std::map<std::string, long> io;
  const auto look = [&] {
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(service.pid()) + "/task")) {
      std::string name = content_of(task.path() / "comm");
      name.pop_back();
      const int thread = std::stoi(task.path().filename());
      nice[name] = ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread));
      io[name] = ::syscall(SYS_ioprio_get, 1, thread);
    }
  };
  // A thread takes its name and what it yields as its first work, which may come after READY.
  EXPECT_TRUE(eventually([&] {
    look();
    return nice.contains("reclaimer") && io["recorder"] == (2 << 13 | 7);
  }));
  EXPECT_EQ(nice["recorder"], nice["sampler"] + 10);
  EXPECT_EQ(nice["reclaimer"], nice["sampler"]);
  EXPECT_EQ(io["recorder"], 2 << 13 | 7) << "best effort, the last of it";
  EXPECT_NE(io["sampler"], io["recorder"]);
}

TEST_F(Systemd, MemoryIsLockedWhereThatIsWished) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers lock no memory";
#endif
  const auto locked = [](const ServiceProcess& service) {
    const std::string status = content_of("/proc/" + std::to_string(service.pid()) + "/status");
    const auto at = status.find("VmLck:");
    return at == std::string::npos ? -1 : std::stol(status.substr(at + 6));
  };
  {
    auto service = start_notifying();
    ASSERT_TRUE(manager_.next_with("READY"));
    EXPECT_EQ(locked(service), 0);
    service.signal(SIGTERM);
    ASSERT_EQ(service.wait_for_exit(), 0);
  }
  write_config("lock_memory = true\n");
  auto service = start_notifying();
  ASSERT_TRUE(manager_.next_with("READY"));
  const auto refused = [&] {
    return has(service.output(),
               " warning: lock_memory: the memory is not locked: Operation not permitted; it takes "
               "LimitMEMLOCK=infinity in the unit, or the capability CAP_IPC_LOCK");
  };
  EXPECT_TRUE(eventually([&] { return refused() || locked(service) > 0; })) << service.output();
}

TEST_F(Systemd, TheStopComesWithinTwoSecondsAlsoWhenTheSamplerHangs) {
  auto service = start_notifying();
  ASSERT_TRUE(manager_.next_with("READY"));
  StoppedThread sampler(service.pid(), "sampler");
  if (!sampler.stopped()) GTEST_SKIP() << kNoPtrace;
  service.signal(SIGTERM);
  EXPECT_EQ(manager_.next_with("STOPPING"), "STOPPING=1");
  EXPECT_TRUE(eventually([&] { return sampler.ended(); }, seconds{2}))
      << "the process waits for whoever holds its thread";
  EXPECT_EQ(service.wait_for_exit(seconds{2}), 0);
  EXPECT_TRUE(has(service.output(), " warning: the sampler hangs in the kernel; it is left behind"))
      << service.output();
  EXPECT_EQ(event_count("stop"), 1) << "the history is closed in order all the same";
  EXPECT_FALSE(std::filesystem::exists(file("history.db.sock")));
}

TEST_F(Systemd, TheStopComesWithinTwoSecondsAlsoWhenTheReaderOfTheKernelsLogHangs) {
  write(file("kmsg"), "");
  write_config("kernel_log = '" + file("kmsg").string() + "'\n");
  auto service = start_notifying();
  ASSERT_TRUE(manager_.next_with("READY"));
  StoppedThread kill_log(service.pid(), "kill-log");
  if (!kill_log.stopped()) GTEST_SKIP() << kNoPtrace;
  service.signal(SIGTERM);
  EXPECT_TRUE(eventually([&] { return kill_log.ended(); }, seconds{2}))
      << "the process waits for whoever holds its thread";
  EXPECT_EQ(service.wait_for_exit(seconds{2}), 0);
  EXPECT_TRUE(has(service.output(), " warning: the reader of the kernel log hangs; it is left behind"))
      << service.output();
  EXPECT_EQ(event_count("stop"), 1) << "the history is closed in order all the same";
}

}  // namespace
}  // namespace cgmm::test
