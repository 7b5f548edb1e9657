// SPDX-License-Identifier: Apache-2.0
#pragma once

// The threads of the service. All of them start or none does, none lets an exception out, and each can be waited for
// with a time limit, because one may hang in the kernel. Main thread only.

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <thread>
#include <vector>

namespace cgmm::daemon {

class Workers {
 public:
  struct Job {
    const char* name;
    std::function<void()> body;
  };
  /// `failed` is called, on its thread, when a body throws. Throws std::runtime_error when not all threads can be
  /// started; then none has run.
  Workers(const std::vector<Job>& jobs, const std::function<void()>& failed);

  /// Whether the thread of this job has ended within the time.
  bool await_end(std::size_t job, std::chrono::milliseconds time) const;
  /// The same; after a moment of waiting, a signal ends the system call that blocks it.
  bool interrupt(std::size_t job, std::chrono::steady_clock::time_point give_up_at);
  /// What the first of those that failed has thrown; nullptr: none has.
  std::exception_ptr failure() const;

 private:
  struct Worker {
    std::shared_future<void> ended;
    std::jthread thread;
  };
  std::vector<Worker> workers_;
};

}  // namespace cgmm::daemon
