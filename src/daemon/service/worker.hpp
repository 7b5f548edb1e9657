// SPDX-License-Identifier: Apache-2.0
#pragma once

// The threads of the service. All of them start or none does, none lets an exception out, and each can be waited for
// with a time limit, because one may hang in the kernel. Main thread only.

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "base/mutex.hpp"

namespace cgmm::daemon {

/// One thread.
class Worker {
 public:
  /// Runs `body` once `may_begin` says true; ends at once where it says false. `failed` is called, on the thread, when
  /// the body has thrown, which failure() tells. Throws std::system_error.
  Worker(const char* name, std::function<void()> body, std::shared_future<bool> may_begin,
         std::function<void()> failed);
  ~Worker() { thread_.join(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Whether it has ended within the time.
  bool await_end(std::chrono::milliseconds time);
  /// The same; after a moment of waiting, what blocks it in the kernel is ended by a signal.
  bool interrupt(std::chrono::steady_clock::time_point give_up_at);
  /// What the body has thrown; nullptr: nothing.
  std::exception_ptr failure();

 private:
  base::Mutex mutex_;
  base::Condition changed_;
  bool has_ended_ CGMM_GUARDED_BY(mutex_) = false;
  std::exception_ptr failure_ CGMM_GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses the others
};

/// All of them.
class Workers {
 public:
  struct Job {
    const char* name;
    std::function<void()> body;
  };
  /// Throws std::runtime_error when not all of them can be started; then none has run.
  Workers(const std::vector<Job>& jobs, const std::function<void()>& failed);

  Worker& operator[](std::size_t index) { return workers_[index]; }
  /// The first failure of any of them; nullptr: there is none.
  std::exception_ptr failure();

 private:
  std::deque<Worker> workers_;  // a deque: they do not move
};

}  // namespace cgmm::daemon
