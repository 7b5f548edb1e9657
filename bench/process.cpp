// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "stop.hpp"

namespace cgmm::bench {
namespace {

constexpr std::int64_t kGracePeriod_us = 1'000'000;  // after which the kernel has freed (RCU) what it drops

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The number after "key:".
std::int64_t number_after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key + ":");
  return at == std::string::npos ? 0 : std::stoll(text.substr(at + key.size() + 1));
}

/// Of a line "key number".
std::int64_t number_of_key(const std::string& text, const std::string& key) {
  std::istringstream words(text);
  std::string word;
  for (std::int64_t number = 0; words >> word >> number;) {
    if (word == key) return number;
  }
  return 0;
}

void write_to(const std::filesystem::path& file, const char* text) {
  std::ofstream stream(file);
  if (!(stream << text << std::flush)) throw std::system_error(errno, std::system_category(), file);
}

std::int64_t cpu_ns() {
  timespec taken{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &taken);
  return taken.tv_sec * 1'000'000'000 + taken.tv_nsec;
}

template <class Use>
void for_each_thread(pid_t pid, Use use) {
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task"))
    use(thread.path());
}

}  // namespace

Child::Child(const std::filesystem::path& cgroup, const std::function<int()>& act) : pid_(::fork()) {
  if (pid_ < 0) throw std::system_error(errno, std::system_category(), "fork");
  if (pid_ > 0) return;
  forget_signals();
  int code = 1;
  try {
    if (!cgroup.empty()) write_to(cgroup / "cgroup.procs", "0");
    code = act();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "in a child: %s\n", error.what());
  }
  ::_exit(code);
}

bool Child::is_running() const {
  siginfo_t ended{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0;
}

int Child::wait(rusage* used) {
  int status = 0;
  while (::wait4(pid_, &status, 0, used) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::system_category(), "waitpid");
    check_stop();
  }
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Child::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

struct Worker::Pipes {
  base::Fd commands_out, commands_in, answers_out, answers_in;

  Pipes() {
    int ends[2];
    const auto make = [&](base::Fd& out, base::Fd& in) {
      if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "pipe2");
      out = base::Fd(ends[0]);
      in = base::Fd(ends[1]);
    };
    make(commands_out, commands_in);
    make(answers_out, answers_in);
  }
};

Worker::Worker(const std::filesystem::path& cgroup, const std::function<Pass()>& prepare)
    : Worker(Pipes(), cgroup, prepare) {}

Worker::Worker(Pipes pipes, const std::filesystem::path& cgroup, const std::function<Pass()>& prepare)
    : commands_(std::move(pipes.commands_in)), answers_(std::move(pipes.answers_out)), child_(cgroup, [&] {
        commands_.reset();
        const Pass pass = prepare();
        std::int64_t taken_ns = 0;
        char command = 0;
        do {
          if (::write(pipes.answers_in.get(), &taken_ns, sizeof taken_ns) != sizeof taken_ns) return 1;
          if (::read(pipes.commands_out.get(), &command, 1) != 1) return 0;
          const std::int64_t before_ns = cpu_ns();
          pass(command);
          taken_ns = cpu_ns() - before_ns;
        } while (true);
      }) {
  pipes.answers_in.reset();  // its end is to be seen
  answer();
}

std::int64_t Worker::pass(char command) {
  if (::write(commands_.get(), &command, 1) != 1) throw std::runtime_error("a worker has ended");
  return answer();
}

std::int64_t Worker::answer() {
  std::int64_t taken_ns = 0;
  ssize_t got = 0;
  while ((got = ::read(answers_.get(), &taken_ns, sizeof taken_ns)) < 0 && errno == EINTR) check_stop();
  check_stop();  // the same signal may have ended the worker
  if (got != sizeof taken_ns) throw std::runtime_error("a worker has ended");
  return taken_ns;
}

std::map<std::string, std::int64_t> cpu_ns_by_thread(pid_t pid) {
  std::map<std::string, std::int64_t> by_name;
  for_each_thread(pid, [&](const std::filesystem::path& thread) {
    std::string name = text_of(thread / "comm");
    if (!name.empty()) name.pop_back();
    const std::string stat = text_of(thread / "schedstat");
    if (!stat.empty()) by_name[name] += std::stoll(stat);
  });
  return by_name;
}

std::int64_t context_switches(pid_t pid) {
  std::int64_t count = 0;
  for_each_thread(pid, [&](const std::filesystem::path& thread) {
    const std::string status = text_of(thread / "status");
    count += number_after(status, "\nvoluntary_ctxt_switches") + number_after(status, "\nnonvoluntary_ctxt_switches");
  });
  return count;
}

std::int64_t status_bytes(pid_t pid, const std::string& key) {
  return number_after(text_of("/proc/" + std::to_string(pid) + "/status"), key) * 1024;
}

std::int64_t written_bytes() { return number_after(text_of("/proc/self/io"), "wchar"); }

std::int64_t descriptor_count(pid_t pid) {
  return std::distance(std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"), {});
}

std::int64_t pinned_kernel_bytes(const std::filesystem::path& cgroup) {
  const bool is_v2 = std::filesystem::exists(cgroup / "memory.current");
  const auto drop_and_read = [&] {  // at once: a scan in between would fill the caches again
    if (is_v2) {
      std::ofstream(cgroup / "memory.reclaim") << "1G" << std::flush;  // an error, because so much is not there
      return number_of_key(text_of(cgroup / "memory.stat"), "kernel");
    }
    write_to(cgroup / "memory.force_empty", "1");
    return std::int64_t{std::stoll(text_of(cgroup / "memory.kmem.usage_in_bytes"))};
  };
  std::int64_t bytes = drop_and_read();
  for (std::int64_t before = INT64_MAX; bytes < before - before / 100;) {
    before = bytes;
    wait_for(kGracePeriod_us);
    bytes = std::min<std::int64_t>(bytes, drop_and_read());
  }
  return bytes;
}

}  // namespace cgmm::bench
