// SPDX-License-Identifier: Apache-2.0
#include "serve/workers.hpp"

#include <utility>

namespace cgmm::serve {

Workers::Workers(std::size_t thread_count, std::size_t most_waiting) : most_waiting_(most_waiting) {
  for (std::size_t i = 0; i < thread_count; ++i) threads_.emplace_back([this] { work(); });
}

Workers::~Workers() {
  {
    const base::Lock lock(mutex_);
    ends_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Workers::add(Job job) {
  {
    const base::Lock lock(mutex_);
    if (waiting_.size() >= most_waiting_) return false;
    waiting_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void Workers::work() {
  for (;;) {
    Job job;
    {
      base::Lock lock(mutex_);
      changed_.wait(lock, [this]() CGMM_REQUIRES(mutex_) { return ends_ || !waiting_.empty(); });
      if (ends_) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    job();
  }
}

}  // namespace cgmm::serve
