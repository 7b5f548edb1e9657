// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/worker.hpp"

#include <pthread.h>

#include <stdexcept>
#include <system_error>
#include <utility>

#include "daemon/resources.hpp"
#include "daemon/service/signals.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::chrono::milliseconds kBeforeSignals{200};
constexpr std::chrono::milliseconds kBetweenSignals{10};  // one that comes right before the system call is lost

}  // namespace

Worker::Worker(const char* name, std::function<void()> body, std::shared_future<bool> may_begin,
               std::function<void()> failed)
    : thread_([this, name, body = std::move(body), may_begin = std::move(may_begin), failed = std::move(failed)] {
        try {
          name_this_thread(name);
          if (may_begin.get()) body();
        } catch (...) {
          {
            const base::Lock lock(mutex_);
            failure_ = std::current_exception();
          }
          failed();
        }
        {
          const base::Lock lock(mutex_);
          has_ended_ = true;
        }
        changed_.notify_all();
      }) {}

bool Worker::await_end(std::chrono::milliseconds time) {
  base::Lock lock(mutex_);
  return changed_.wait_for(lock, time, [&]() CGMM_REQUIRES(mutex_) { return has_ended_; });
}

std::exception_ptr Worker::failure() {
  const base::Lock lock(mutex_);
  return failure_;
}

bool Worker::interrupt(std::chrono::steady_clock::time_point give_up_at) {
  if (await_end(kBeforeSignals)) return true;
  while (std::chrono::steady_clock::now() < give_up_at) {
    pthread_kill(thread_.native_handle(), kWakeSignal);
    if (await_end(kBetweenSignals)) return true;
  }
  return false;
}

Workers::Workers(const std::vector<Job>& jobs, const std::function<void()>& failed) {
  std::promise<bool> may_begin;
  const std::shared_future<bool> all_are_there = may_begin.get_future().share();
  try {
    for (const Job& job : jobs) workers_.emplace_back(job.name, job.body, all_are_there, failed);
  } catch (const std::system_error& error) {
    may_begin.set_value(false);
    throw std::runtime_error("not all threads of the service can be started: " + error.code().message() +
                             "; limits are RLIMIT_NPROC, pids.max of the cgroup (TasksMax of the unit), and memory");
  }
  may_begin.set_value(true);
}

std::exception_ptr Workers::failure() {
  for (Worker& worker : workers_) {
    if (auto failure = worker.failure()) return failure;
  }
  return nullptr;
}

}  // namespace cgmm::daemon
