// SPDX-License-Identifier: Apache-2.0
// A machine that has too few descriptors or threads for the service: it says so and ends, or it runs and can be
// stopped.
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
                said().starts_with("cgroup-memory-manager: "))
        << limit << ": " << said();
    expect_no_accident(said());
    return ran;
  }
};

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
  EXPECT_GT(ran_count, 30) << "most limits are enough for one cgroup";
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
