// SPDX-License-Identifier: Apache-2.0
#pragma once

// A few threads that wait for programs, so that the server's thread does not. Jobs beyond a number are refused.

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.hpp"

namespace cgmm::serve {

class Workers {
 public:
  using Job = std::function<void()>;

  explicit Workers(std::size_t thread_count, std::size_t most_waiting);
  /// Waits for the jobs that have begun; the others are dropped.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// False: there are too many.
  bool add(Job job);

 private:
  void work();

  std::size_t most_waiting_;
  base::Mutex mutex_;
  base::Condition changed_;
  std::deque<Job> waiting_ CGMM_GUARDED_BY(mutex_);
  bool ends_ CGMM_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace cgmm::serve
