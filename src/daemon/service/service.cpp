// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/service.hpp"

#include <poll.h>
#include <signal.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "daemon/clock.hpp"
#include "daemon/kills/kill_log.hpp"
#include "daemon/reclaim/mailbox.hpp"
#include "daemon/reclaim/reclaimer.hpp"
#include "daemon/recording/recorder.hpp"
#include "daemon/resources.hpp"
#include "daemon/sampling/scan_loop.hpp"
#include "daemon/service/reloader.hpp"
#include "daemon/service/signals.hpp"
#include "daemon/service/status_board.hpp"
#include "daemon/service/status_socket.hpp"
#include "daemon/service/supervisor.hpp"
#include "daemon/service/worker.hpp"
#include "store/reader.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::chrono::milliseconds kGrace{600};  // of all but the recorder together
constexpr std::chrono::milliseconds kRecorderGrace{900};

/// The threads, in the order in which they end.
enum Job : std::size_t { kSampler, kKillLog, kReclaimer, kRecorder, kJobs };

class Service {
 public:
  Service(store::HistoryFile& history, const ServiceOptions& options, const kernel::Hierarchy& hierarchy, Log& log);
  /// Throws what has ended a thread: StoreError where the history is refused for good.
  int run();

 private:
  std::vector<Workers::Job> jobs();
  void await_end();
  bool on_signal(int signal);
  void begin_reload();
  void look_after_reload();
  void reload();
  void refuse_reload(const std::exception& error);
  int stop(Workers& workers);
  void event(std::string kind, std::string detail);

  const ServiceOptions& options_;
  Log& log_;
  StatusBoard board_;
  RecordQueue queue_;
  Mailbox<Candidates> candidates_;
  KillLog kill_log_;
  ScanLoop scan_loop_;
  Reclaimer reclaimer_;
  Event recorder_started_;
  Recorder recorder_;
  base::Fd signals_ = open_signals();
  Event done_;  // the last cycle is over, or a thread has failed
  StatusSocket status_socket_;
  Supervisor supervisor_;
  Reloader reloader_;  // the last: what it calls is there until it has ended
};

Service::Service(store::HistoryFile& history, const ServiceOptions& options, const kernel::Hierarchy& hierarchy,
                 Log& log)
    : options_(options),
      log_(log),
      kill_log_(log_to_read(options.sources.kernel_log, hierarchy), queue_, board_),
      scan_loop_({hierarchy, options.settings.policy}, options.settings, options.version,
                 {queue_, candidates_, board_}),
      reclaimer_({}, queue_, board_),
      recorder_(history, queue_,
                ContainerNames(kernel::ContainerLogs(options.sources.container_logs),
                               kernel::RuntimeNames(options.sources.container_logs)),
                {.started_at_us = wall_now_us(),
                 .detail = options.version + ", " + options.settings.to_string(),
                 .hand_over = [this](const core::Handover& handover) { board_.hand_over(handover); },
                 .started =
                     [this] {
                       lower_priority_of_this_thread();  // not before: reclaims wait for the history to be opened
                       recorder_started_.raise();
                     },
                 .names_found = [this](auto news) { scan_loop_.learn(std::move(news)); }}),
      status_socket_(options.database),
      supervisor_(queue_, status_socket_, board_, options.version, Notifier::environment()),
      reloader_([this] { reload(); }, queue_) {
  board_.set_reclaim_timeout_us(options.settings.policy.bounds.timeout_us);
  if (options.settings.dry_run || reclaimer_.reclaims_alone_in(hierarchy)) return;
  // Of a service with the same history, the history's lock says more.
  if (!store::running_service_pid(options.database)) throw std::runtime_error(kernel::reclaims_already(hierarchy));
}

std::vector<Workers::Job> Service::jobs() {
  std::vector<Workers::Job> jobs(kJobs);
  jobs[kSampler] = {"sampler", [this] {
                      scan_loop_.run(options_.cycles);
                      done_.raise();
                    }};
  jobs[kKillLog] = {"kill-log", [this] {
                      if (!board_.wait_for_handover()) return;  // the kernel keeps its log meanwhile
                      kill_log_.read_on_from(board_.log_position());
                      kill_log_.run();
                    }};
  jobs[kReclaimer] = {"reclaimer", [this] { reclaimer_.run(candidates_); }};
  jobs[kRecorder] = {"recorder", [this] { recorder_.run(); }};
  return jobs;
}

int Service::run() {
  Workers workers(jobs(), [this] { done_.raise(); });
  await_end();
  supervisor_.stopping();
  return stop(workers);
}

/// One thread after the other, in the direction of the data. A thread that hangs in the kernel is left behind.
int Service::stop(Workers& workers) {
  bool all_ended = true;
  const auto give_up_at = std::chrono::steady_clock::now() + kGrace;
  const auto end = [&](std::size_t job, const char* otherwise) {
    if (workers.interrupt(job, give_up_at)) return;
    all_ended = false;
    spdlog::warn("{}", otherwise);
  };
  scan_loop_.stop();
  reclaimer_.stop();  // after the last cycle, all that was due has been reclaimed
  board_.end_waits();
  queue_.end_waits();
  end(kSampler, "the sampler hangs in the kernel; it is left behind");
  kill_log_.stop();
  end(kKillLog, "the reader of the kernel log hangs; it is left behind");
  candidates_.close();
  end(kReclaimer, "a reclaim hangs in the kernel; it stays 'started' on record until the next start");
  if (!reloader_.interrupt(give_up_at)) {
    all_ended = false;
    spdlog::warn("the configuration is still being read, its disk hangs; that is left behind");
  }
  queue_.close();
  const bool is_recorded = workers.await_end(kRecorder, kRecorderGrace);
  if (!is_recorded) spdlog::error("the disk does not take the last records in time; they may be lost");
  if (is_recorded) supervisor_.remove();
  const std::exception_ptr failure = workers.failure();
  if (!all_ended || !is_recorded) {
    log_.flush();
    std::_Exit(is_recorded && !failure ? 0 : 1);  // a thread that hangs in the kernel can't be joined
  }
  if (failure) std::rethrow_exception(failure);
  spdlog::info("stopped after {}", base::counted(scan_loop_.scan_count(), "scan"));
  return 0;
}

/// Until the last cycle is over, a thread has failed, or a signal says to stop. The status socket is made once the
/// history's lock is ours: before, it may be another service's.
void Service::await_end() {
  bool has_started = false;
  for (;;) {
    pollfd waits[] = {{signals_.get(), POLLIN, 0},
                      {done_.fd(), POLLIN, 0},
                      {supervisor_.fd(), POLLIN, 0},
                      {has_started ? -1 : recorder_started_.fd(), POLLIN, 0},
                      {reloader_.fd(), POLLIN, 0}};
    const int ready = ::poll(waits, 5, std::min(supervisor_.ms_until_look(), reloader_.ms_until_look()));
    supervisor_.look();
    look_after_reload();
    if (ready <= 0) continue;
    if (waits[0].revents != 0) {
      if (const auto signal = next_signal(signals_); signal && !on_signal(*signal)) return;
    }
    if (waits[3].revents != 0) {
      has_started = true;
      supervisor_.open();
    }
    if (waits[1].revents != 0) return;
    if (waits[2].revents != 0) supervisor_.answer();
  }
}

/// False: it says to stop.
bool Service::on_signal(int signal) {
  if (signal == SIGHUP) {
    begin_reload();
    return true;
  }
  if (signal == SIGUSR1) {
    supervisor_.log_status();
    return true;
  }
  spdlog::info("stopping: {}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  return false;
}

void Service::begin_reload() {
  supervisor_.reloading();
  try {
    reloader_.begin();
  } catch (const std::exception& error) {
    refuse_reload(error);
    supervisor_.reloaded();
  }
}

void Service::look_after_reload() {
  try {
    if (reloader_.look()) supervisor_.reloaded();
  } catch (const std::exception& error) {  // the next one could not be begun
    refuse_reload(error);
    supervisor_.reloaded();
  }
}

/// On the reloader's thread.
void Service::reload() {
  try {
    Settings settings = options_.reload();
    const kernel::Hierarchy hierarchy =
        hierarchy_for(settings.parent);  // a parent that is not there is a bad configuration
    spdlog::info("configuration reloaded: {}", base::escape_for_terminal(settings.to_string()));
    event("config_change", settings.to_string());
    board_.set_reclaim_timeout_us(settings.policy.bounds.timeout_us);
    recorder_.change(settings.retention);
    scan_loop_.change(std::move(settings));
    if (log_to_read(options_.sources.kernel_log, hierarchy) != kill_log_.setting()) {
      spdlog::warn(
          "whether the kernel log is read is decided at the start, which was with {} tree; start anew to have it "
          "decided for {}",
          hierarchy.real ? "a copied" : "the kernel's own", base::escape_for_terminal(hierarchy.parent));
    }
  } catch (const std::exception& error) {
    refuse_reload(error);
  }
}

void Service::refuse_reload(const std::exception& error) {
  spdlog::error("the configuration stays as it was: {}", base::escape_for_terminal(error.what()));
  event("config_error", error.what());
}

void Service::event(std::string kind, std::string detail) {
  queue_.push(core::ServiceEvent{wall_now_us(), std::move(kind), std::move(detail)});
}

}  // namespace

int run_service(store::HistoryFile& history, const ServiceOptions& options, Log& log) {
  const kernel::Hierarchy hierarchy = hierarchy_for(options.settings.parent);  // before anything is recorded
  spdlog::info("cgroup-memory-manager {}: cgroup {} at {}", options.version, kernel::to_string(hierarchy.version),
               base::escape_for_terminal(hierarchy.parent));
  spdlog::info("{}", base::escape_for_terminal(options.settings.to_string()));
  if (!hierarchy.real)
    spdlog::warn("{} is not the kernel's: a copied or fake tree", base::escape_for_terminal(hierarchy.parent));
  return Service(history, options, hierarchy, log).run();
}

}  // namespace cgmm::daemon
