// SPDX-License-Identifier: Apache-2.0
#pragma once

// The service on real cgroups, and those who keep it busy, processes of their own: containers come and go, processes
// are OOM-killed, page cache is reclaimed, the configuration is reloaded, the status is asked in a flood, and the log
// is read slowly.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>
#include <memory>
#include <new>
#include <regex>

#include "real/real_test.hpp"
#include "support/hungry.hpp"
#include "support/program.hpp"

namespace cgmm::test {

/// What the drivers, processes of their own, have done so far. Shared with them.
struct Done {
  std::atomic<int> passed, killed, reloaded, answered, unanswered;
};

inline Done* shared_counters() {
  void* const memory = ::mmap(nullptr, sizeof(Done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  return new (memory) Done{};
}

class Load : public RealTest {
 protected:
  /// In memory: this is about the threads, and a busy disk may take longer than the service waits for it at its end.
  std::filesystem::path database() const override { return in_memory_.path() / "history.db"; }

  /// Where the sanitizers of the service write, a file a process.
  std::string reports_prefix() const { return file("sanitizer"); }
  Environment with_sanitizers() const {
    const std::string path = "log_path=" + reports_prefix();
    return {{"ASAN_OPTIONS", path + ":detect_leaks=1"},
            {"UBSAN_OPTIONS", path + ":print_stacktrace=1"},
            {"TSAN_OPTIONS", path}};
  }

  /// Takes what the service says, little at a time, until it has ended.
  int read_log_slowly() const {
    const Fd from{::open(file("pipe").c_str(), O_RDONLY | O_CLOEXEC)};
    const Fd to{::open(log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    char some[512];
    for (ssize_t got = 0; (got = ::read(from.get(), some, sizeof some)) > 0;) {
      if (::write(to.get(), some, static_cast<std::size_t>(got)) != got) return 1;
      ::usleep(2000);
    }
    return 0;
  }

  /// Containers with a process each, a few of them over the threshold again and again.
  int churn() {
    constexpr int kAtATime = 20;
    std::vector<std::unique_ptr<Workload>> staying;
    for (int i = 0; i < 3; ++i) {
      const std::string name = "stays-" + std::to_string(i);
      staying.push_back(std::make_unique<Workload>(tree().make(name, 64 * kMiB), file(name), 8 * kMiB));
    }
    for (int i = 0;; ++i) {
      const auto name = [](int number) { return "passes-" + std::to_string(number); };
      const auto cgroup = tree().make(name(i), 32 * kMiB);
      ChildProcess::fork_off([&] {
        write_cgroup_file(cgroup / "cgroup.procs", std::to_string(::getpid()));
        std::ofstream(file("passing")) << std::string(4 * kMiB, 'x');
        return 0;
      }).wait_for_exit();
      if (i >= kAtATime) tree().remove(name(i - kAtATime));
      staying[static_cast<std::size_t>(i) % staying.size()]->read_again();
      ++done_->passed;
    }
  }

  /// One a second at most: of more than ten in five seconds the kernel logs nothing, and the next test would miss them.
  int kill_again_and_again() {
    for (int i = 0;; ++i) {
      const std::string name = "hungry-" + std::to_string(i);
      Hungry victim(tree().make(name, 16 * kMiB), 200 * kMiB);
      victim.feed();
      if (victim.was_killed()) ++done_->killed;
      tree().remove(name);
      ::sleep(1);
    }
  }

  /// With both policies in turn: what is read again and again is in use, and "idle" may leave it alone for good.
  void put_config(int number) const {
    std::ofstream(file("next.toml")) << "policy = \"" << (number % 2 == 0 ? "target" : "idle") << "\"\nthreshold = \""
                                     << 2 + number % 2 << "MiB\"\ncooldown = \"500ms\"\nobserve_for = \"2s\"\n"
                                     << "max_cgroups = " << 1000 + number << "\nadaptive = false\nlog_level = \""
                                     << (number % 3 == 0 ? "info" : "debug") << "\"\n"
                                     << more_config_;
    std::filesystem::permissions(file("next.toml"), std::filesystem::perms(0644));
    std::filesystem::rename(file("next.toml"), config());
  }
  int reload(const ServiceProcess& service) const {
    for (int i = 1;; ++i) {
      put_config(i);
      service.signal(SIGHUP);
      ++done_->reloaded;
      ::usleep(200'000);
    }
  }

  int ask() const {
    for (;;) {
      const Answer answer = run_program({"status", "--database", database(), "--config", config()});
      ++(answer.exit_code == 0 ? done_->answered : done_->unanswered);
      if (answer.exit_code != 0) std::ofstream(file("unanswered"), std::ios::app) << answer.out << answer.err;
    }
  }

  /// A report of a sanitizer, wherever it went.
  std::string found_by_sanitizers() const {
    std::string found;
    for (const auto& entry :
         std::filesystem::directory_iterator(reports_prefix().substr(0, reports_prefix().rfind('/')))) {
      if (entry.path().filename().string().starts_with("sanitizer")) found += content_of(entry.path());
    }
    std::ifstream lines(log());
    const std::regex sign("Sanitizer|runtime error:|terminate called");
    for (std::string line; std::getline(lines, line);) {
      if (std::regex_search(line, sign)) found += line + "\n";
    }
    return found;
  }

  /// After it has ended with exit code 0.
  void expect_good_order() const {
    EXPECT_EQ(found_by_sanitizers(), "");
    EXPECT_EQ(text("PRAGMA integrity_check"), "ok");
    EXPECT_EQ(text("SELECT kind FROM service_event ORDER BY service_event_id DESC LIMIT 1"), "stop");
    EXPECT_GT(number("SELECT count(*) FROM oom_kill"), 0);
    EXPECT_GT(number("SELECT count(*) FROM reclaim WHERE outcome = 'done'"), 0);
  }

  std::string more_config_;
  TempDir in_memory_{"/dev/shm"};
  Done* const done_ = shared_counters();
};

}  // namespace cgmm::test
