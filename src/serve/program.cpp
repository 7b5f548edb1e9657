// SPDX-License-Identifier: Apache-2.0
#include "serve/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include "base/fd.hpp"

extern char** environ;

namespace cgmm::serve {
namespace {

constexpr std::size_t kMostError_bytes = 64 * 1024;
constexpr std::chrono::milliseconds kLookEvery{500};  // whether it is still wanted

struct Pipe {
  base::Fd read, write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) base::throw_errno(errno, "can't make a pipe");
  return {base::Fd(ends[0]), base::Fd(ends[1])};
}

/// What its own signals are blocked for is not the child's.
pid_t spawn(const std::filesystem::path& program, const std::vector<std::string>& arguments, int out, int err) {
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  sigset_t none{}, as_usual{};
  ::sigemptyset(&none);
  ::sigfillset(&as_usual);
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);  // sockets, which Asio leaves open
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &as_usual);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), "can't start " + program.string());
  return pid;
}

/// False: the pipe has come to its end.
bool take(int fd, std::string& text, std::size_t most_bytes) {
  std::array<char, 65536> bytes;
  const ssize_t got = ::read(fd, bytes.data(), bytes.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  text.append(bytes.data(), std::min(static_cast<std::size_t>(got), most_bytes - std::min(most_bytes, text.size())));
  return got > 0;
}

}  // namespace

ProgramAnswer run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                          const ProgramBounds& bounds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + bounds.most_time;
  Pipe out = make_pipe(), err = make_pipe();
  const pid_t pid = spawn(program, arguments, out.write.get(), err.write.get());
  out.write.reset();
  err.write.reset();
  ProgramAnswer answer;
  while (out.read || err.read) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) answer.end = ProgramAnswer::End::too_slow;
    if (answer.out.size() > bounds.most_bytes) answer.end = ProgramAnswer::End::too_big;
    if (bounds.is_wanted && !bounds.is_wanted()) answer.end = ProgramAnswer::End::killed;
    if (answer.end != ProgramAnswer::End::exited) break;
    std::array<pollfd, 3> ends{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}, {bounds.stop_fd, POLLIN, 0}}};
    if (::poll(ends.data(), ends.size(), static_cast<int>(std::min<std::int64_t>(left, kLookEvery.count()))) <= 0)
      continue;
    if (ends[2].revents != 0) answer.end = ProgramAnswer::End::killed;
    if (ends[0].revents != 0 && !take(out.read.get(), answer.out, bounds.most_bytes + 1)) out.read.reset();
    if (ends[1].revents != 0 && !take(err.read.get(), answer.err, kMostError_bytes)) err.read.reset();
  }
  if (answer.end != ProgramAnswer::End::exited) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (answer.end != ProgramAnswer::End::exited) return answer;
  if (!WIFEXITED(status)) answer.end = ProgramAnswer::End::killed;
  answer.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return answer;
}

}  // namespace cgmm::serve
