// SPDX-License-Identifier: Apache-2.0
#pragma once

// A forked process that never outlives the test: it is killed and waited for, by its pid, when this object
// goes, and by the kernel when the test itself is killed. One thread.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>

#include "support/eventually.hpp"

namespace cgmm::test {

class ChildProcess {
 public:
  /// Runs `body()` in a child, which ends with what it returns.
  template <typename Body>
  static ChildProcess fork_off(Body body) {
    const pid_t pid = ::fork();
    if (pid < 0) {
      throw std::system_error(errno, std::generic_category(), "fork");
    }
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      int status = 127;
      try {
        status = body();
      } catch (...) {  // a child must not unwind into the test's own stack
      }
      ::_exit(status);
    }
    return ChildProcess{pid};
  }

  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess() { kill(); }

  pid_t pid() const { return pid_; }
  void signal(int number) const {
    if (!status_ && pid_ > 0) {
      ::kill(pid_, number);
    }
  }

  /// Ends it now, and waits until it has.
  void kill() {
    if (!status_ && pid_ > 0) {
      ::kill(pid_, SIGKILL);
      int status = 0;
      while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
      }
      status_ = status;
    }
  }

  bool running() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = status;
    }
    return !status_;
  }

  /// Its exit status, -N when signal N ended it; nullopt when it is still running after `deadline`.
  std::optional<int> wait_for_exit(std::chrono::milliseconds deadline = std::chrono::seconds{30}) {
    if (!eventually([this] { return !running(); }, deadline)) {
      return std::nullopt;
    }
    return WIFEXITED(*status_) ? WEXITSTATUS(*status_) : -WTERMSIG(*status_);
  }

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  std::optional<int> status_;  // as waitpid has it, once it has ended
};

}  // namespace cgmm::test
