// SPDX-License-Identifier: Apache-2.0
#pragma once

// One thread of a child stands still while the others go on, as a thread that hangs in the kernel does: the debugger's
// way, because no signal can do that. It goes on when this object goes. To be used by one thread.

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace cgmm::test {

class StoppedThread {
 public:
  /// The thread of this name. Where that can't be done, stopped() is false.
  StoppedThread(pid_t process, const std::string& name) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
      std::string found;
      std::getline(std::ifstream(task.path() / "comm"), found);
      if (found == name) thread_ = std::stoi(task.path().filename());
    }
    if (thread_ == 0 || ::ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) != 0) return;
    const std::string syscall = "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread_) + "/syscall";
    for (int left = 1000; left > 0; --left) {
      int status = 0;
      stopped_ =
          ::ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0 && ::waitpid(thread_, &status, __WALL) == thread_;
      if (!stopped_ || is_waiting(syscall)) return;
      ::ptrace(PTRACE_CONT, thread_, nullptr, nullptr);
      stopped_ = false;
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
  StoppedThread(const StoppedThread&) = delete;
  StoppedThread& operator=(const StoppedThread&) = delete;
  ~StoppedThread() { let_go(); }

  bool stopped() const { return stopped_; }
  /// Whether it was killed while it stood still.
  bool ended() {
    int status = 0;
    if (stopped_ && ::waitpid(thread_, &status, __WALL | WNOHANG) == thread_) stopped_ = WIFSTOPPED(status);
    return !stopped_;
  }
  void let_go() {
    if (stopped_) ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
    stopped_ = false;
  }

 private:
  /// Elsewhere it may hold a lock that others need.
  static bool is_waiting(const std::string& syscall) {
    long number = -1;
    std::ifstream(syscall) >> number;
#ifdef SYS_poll
    if (number == SYS_poll) return true;
#endif
    return number == SYS_futex || number == SYS_ppoll || number == SYS_clock_nanosleep;
  }

  pid_t thread_ = 0;
  bool stopped_ = false;
};

}  // namespace cgmm::test
