// SPDX-License-Identifier: Apache-2.0
// A machine that has too few descriptors or threads for the service: it says so and ends, or it runs and can be
// stopped.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <deque>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Scarce : public CliTest {
 protected:
  Scarce() { cgroups().put("/web", v1_files(kBelow)); }

  std::filesystem::path log_of(int limit) const { return file(std::to_string(limit) + ".log"); }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
  /// Each with a history and a log of its own. `prepare` is called in the child.
  template <class Prepare>
  ChildProcess start_with(int limit, Prepare prepare) const {
    const auto directory = file(std::to_string(limit));
    const std::vector<std::string> arguments{
        CGMM_PROGRAM, "--config", config(),      "--parent", cgroups().root(), "--database", directory / "history.db",
        "--interval", "100ms",    "--log-level", "debug"};
    return ChildProcess::fork_off([=, this] {
      std::filesystem::create_directories(directory);
      const std::filesystem::path log = log_of(limit);
      redirect_to({log, log});
      prepare();
      ::close_range(STDERR_FILENO + 1, ~0U, 0);  // what the test inherited counts against a limit, too
      std::vector<char*> argv;
      for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      ::execv(CGMM_PROGRAM, argv.data());
      return 127;
    });
  }
  /// Exit code 1 with a sentence, or 0 after SIGTERM. Returns whether it ran.
  bool ends_as_it_should(int limit, ChildProcess& service) const {
    const auto said = [&] { return content_of(log_of(limit)); };
    EXPECT_TRUE(eventually([&] { return !service.running() || has(said(), " debug: scan: "); })) << said();
    const bool ran = service.running();
    service.signal(SIGTERM);
    const auto exit_code = service.wait_for_exit();
    EXPECT_TRUE(exit_code) << "it can't be stopped with a limit of " << limit;
    EXPECT_TRUE(ran || exit_code == 1) << limit;
    EXPECT_TRUE(exit_code == 0 || has(said(), "\ncgroup-memory-manager: ") ||
                said().starts_with("cgroup-memory-manager: ") ||
                has(said(), " error: the disk does not take the last records in time"))
        << limit << ": " << said();
    expect_no_accident(said());
    return ran;
  }
};

/// Kibibytes from small to large; the log is a file as well. Without room for a history it goes on without one.
TEST_F(Scarce, FileSizesAtEveryLimitItGoesOnAndSaysWhatIsMissing) {
  for (const int limit : {8, 16, 32, 64, 128, 256, 4096}) {
    auto service = start_with(limit, [=] {
      const rlimit size{static_cast<rlim_t>(limit) * 1024, static_cast<rlim_t>(limit) * 1024};
      ::setrlimit(RLIMIT_FSIZE, &size);
    });
    const auto said = [&] { return content_of(log_of(limit)); };
    const std::string why =
        "no file may grow beyond " + std::to_string(limit) + ".0 KiB here (RLIMIT_FSIZE, LimitFSIZE=";
    EXPECT_TRUE(eventually([&] { return has(said(), " debug: scan: ") || !service.running(); })) << said();
    if (limit <= 64) {
      EXPECT_TRUE(eventually([&] { return has(said(), why); })) << limit << ": " << said();
    }
    EXPECT_TRUE(service.running()) << limit << ": " << said();
    service.signal(SIGTERM);
    EXPECT_TRUE(service.wait_for_exit().value_or(-1) >= 0) << limit << ": " << said();
    expect_no_accident(said());
  }
}

/// Mebibytes; the least are not enough for the libraries, and the loader says so.
TEST_F(Scarce, AddressSpaceAtEveryLimitItSaysWhyItCantRun) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer needs terabytes";
#endif
  int ran_count = 0;
  for (const int limit : {8, 12, 16, 24, 32, 40, 48, 50, 52, 54, 56, 64, 96, 128, 256}) {
    auto service = start_with(limit, [=] {
      const rlimit space{static_cast<rlim_t>(limit) << 20, static_cast<rlim_t>(limit) << 20};
      ::setrlimit(RLIMIT_AS, &space);
    });
    const auto said = [&] { return content_of(log_of(limit)); };
    EXPECT_TRUE(eventually([&] { return has(said(), " debug: scan: ") || !service.running(); })) << said();
    ran_count += service.running() ? 1 : 0;
    service.signal(SIGTERM);
    const int exit_code = service.wait_for_exit().value_or(-1);
    EXPECT_GE(exit_code, 0) << limit << ": " << said();
    EXPECT_TRUE(exit_code == 0 || has(said(), "cgroup-memory-manager: ")) << limit << ": " << said();
    expect_no_accident(said());
  }
  EXPECT_GE(ran_count, 3);
}

/// Kibibytes, without the capability to lock any number.
TEST_F(Scarce, LockedMemoryAtEveryLimitItRuns) {
  write_config("lock_memory = true");
  for (const int limit : {0, 64, 1024, 16'384}) {
    auto service = start_with(limit, [=] {
      const rlimit locked{static_cast<rlim_t>(limit) * 1024, static_cast<rlim_t>(limit) * 1024};
      ::setrlimit(RLIMIT_MEMLOCK, &locked);
      ::prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK);  // it is lost with the exec()
    });
    EXPECT_TRUE(ends_as_it_should(limit, service)) << limit;
    EXPECT_TRUE(has(content_of(log_of(limit)), "lock_memory: the memory is not locked: ")) << limit;
  }
}

TEST_F(Scarce, DescriptorsAtEveryLimitItCanBeStoppedOrSaysWhyItCantRun) {
  constexpr std::size_t kAtOnce = 8;
  struct Run {
    int limit;
    ChildProcess service;
  };
  std::deque<Run> runs;
  int ran_count = 0;
  const auto end_first = [&] {
    if (ends_as_it_should(runs.front().limit, runs.front().service)) ++ran_count;
    runs.pop_front();
  };
  for (int limit = 4; limit <= 64; ++limit) {
    runs.push_back({limit, start_with(limit, [=] {
                      const rlimit descriptors{static_cast<rlim_t>(limit), static_cast<rlim_t>(limit)};
                      ::setrlimit(RLIMIT_NOFILE, &descriptors);
                    })});
    if (runs.size() == kAtOnce) end_first();
  }
  while (!runs.empty()) end_first();
  EXPECT_GE(ran_count, 25) << "from 40 on, any limit is enough for one cgroup";
}

/// Root is under no such limit, so another user runs it.
TEST_F(Scarce, AllThreadsAreStartedOrNone) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the sanitizer has a thread of its own";
#endif
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become a user who has no process yet";
  constexpr uid_t kNobodyElse = 54'321;
  const auto give_away = [&](const std::filesystem::path& path) { ::lchown(path.c_str(), kNobodyElse, kNobodyElse); };
  for (const std::filesystem::path& directory : {config().parent_path(), std::filesystem::path(cgroups().root())}) {
    give_away(directory);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) give_away(entry.path());
  }
  for (int limit = 1; limit <= 6; ++limit) {
    auto service = start_with(limit, [=, this] {
      give_away(file(std::to_string(limit)));
      const rlimit threads{static_cast<rlim_t>(limit), static_cast<rlim_t>(limit)};
      ::setrlimit(RLIMIT_NPROC, &threads);
      if (::setgid(kNobodyElse) != 0 || ::setuid(kNobodyElse) != 0) ::_exit(126);
    });
    if (limit == 1 && service.wait_for_exit().value_or(0) >= 126)
      GTEST_SKIP() << "another user can't execute " << CGMM_PROGRAM;
    EXPECT_EQ(ends_as_it_should(limit, service), limit == 6) << limit << ": " << content_of(log_of(limit));
    EXPECT_EQ(has(content_of(log_of(limit)), " be started: "), limit < 6) << content_of(log_of(limit));
  }
}

}  // namespace
}  // namespace cgmm::test
