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

Workers::Workers(const std::vector<Job>& jobs, const std::function<void()>& failed) {
  std::promise<bool> may_begin;
  const std::shared_future<bool> all_are_there = may_begin.get_future().share();
  try {
    for (const Job& job : jobs) {
      std::packaged_task<void()> task([job, failed, all_are_there] {
        name_this_thread(job.name);
        if (!all_are_there.get()) return;
        try {
          job.body();
        } catch (...) {
          failed();
          throw;
        }
      });
      std::shared_future<void> ended = task.get_future().share();
      workers_.push_back({std::move(ended), std::jthread(std::move(task))});
    }
  } catch (const std::system_error& error) {
    may_begin.set_value(false);
    throw std::runtime_error("not all threads of the service can be started: " + error.code().message() +
                             "; limits are RLIMIT_NPROC, pids.max of the cgroup (TasksMax of the unit), and memory");
  }
  may_begin.set_value(true);
}

bool Workers::await_end(std::size_t job, std::chrono::milliseconds time) const {
  return workers_[job].ended.wait_for(time) == std::future_status::ready;
}

bool Workers::interrupt(std::size_t job, std::chrono::steady_clock::time_point give_up_at) {
  if (await_end(job, kBeforeSignals)) return true;
  while (std::chrono::steady_clock::now() < give_up_at) {
    pthread_kill(workers_[job].thread.native_handle(), kWakeSignal);
    if (await_end(job, kBetweenSignals)) return true;
  }
  return false;
}

std::exception_ptr Workers::failure() const {
  for (std::size_t job = 0; job < workers_.size(); ++job) {
    if (!await_end(job, {})) continue;
    try {
      workers_[job].ended.get();
    } catch (...) {
      return std::current_exception();
    }
  }
  return nullptr;
}

}  // namespace cgmm::daemon
