// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/service.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "daemon/clock.hpp"
#include "daemon/kills/kill_log.hpp"
#include "daemon/reclaim/alarm.hpp"
#include "daemon/reclaim/mailbox.hpp"
#include "daemon/reclaim/reclaimer.hpp"
#include "daemon/recording/recorder.hpp"
#include "daemon/resources.hpp"
#include "daemon/sampling/scan_loop.hpp"
#include "daemon/service/notify.hpp"
#include "daemon/service/status_socket.hpp"
#include "daemon/service/supervisor.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::chrono::milliseconds kGrace{600};       // of all but the recorder together
constexpr std::chrono::milliseconds kLeastGrace{200};  // of each
constexpr std::chrono::milliseconds kRecorderGrace{900};
constexpr std::chrono::seconds kWaitForCooldowns{10};  // then the node is protected without those of earlier runs
constexpr int kWakeSignal = SIGUSR2;                   // ends a kernel write that blocks

/// Wakes who polls it.
void tell(const base::Fd& event_fd) {
  const std::uint64_t one = 1;
  if (::write(event_fd.get(), &one, sizeof one) < 0) spdlog::error("eventfd: {}", errno);
}

/// A flag that one thread raises at its end and another waits for.
class Ended {
 public:
  void raise() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_; });
  }
  bool wait(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return ended_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, one);
  return signals;
}

class Service {
 public:
  Service(store::Keeper& history, const ServiceOptions& options, const kernel::Hierarchy& hierarchy);
  /// Throws StoreError where the history is refused for good.
  int run();

 private:
  void sampler_thread();
  void reclaimer_thread();
  void recorder_thread();
  void kill_log_thread();
  void hand_over(const core::Handover& handover);
  void count_cooldowns();
  void await_end(int signal_fd);
  bool on_signal(std::uint32_t signal);
  Signs signs() const;
  void reload();
  void event(std::string kind, std::string detail);

  const ServiceOptions& options_;
  const std::string log_to_read_;  // for the parent that it began with
  RecordQueue queue_;
  Mailbox<Candidates> candidates_;
  KillLog kill_log_;
  ScanLoop scan_loop_;
  Reclaimer reclaimer_;
  Recorder recorder_;
  std::atomic<bool> stop_reclaims_{false};
  std::atomic<std::int64_t> reclaimer_at_us_{0};  // as Signs has it, like the next two
  std::atomic<std::int64_t> in_cooldown_count_{0};
  std::atomic<std::int64_t> reclaim_timeout_us_;
  base::Fd sampler_done_{::eventfd(0, EFD_CLOEXEC)};
  base::Fd recorder_started_{::eventfd(0, EFD_CLOEXEC)};  // or has been refused
  std::exception_ptr refusal_;                            // of the history, before recorder_started_
  Ended handover_known_;                                  // or it is not waited for any more
  std::atomic<bool> has_handover_{false};
  StatusSocket status_socket_;
  const Notifier notifier_{Notifier::environment()};
  Supervisor supervisor_;
  Ended sampler_ended_;
  Ended kill_log_ended_;
  Ended reclaimer_ended_;
  Ended recorder_ended_;
};

Service::Service(store::Keeper& history, const ServiceOptions& options, const kernel::Hierarchy& hierarchy)
    : options_(options),
      log_to_read_(log_to_read(options.sources.kernel_log, hierarchy)),
      kill_log_(
          log_to_read_, std::nullopt, [this] { return scan_loop_.hierarchy(); }, queue_),
      scan_loop_({hierarchy, options.settings.watch, options.settings.policy, {}}, options.settings,
                 {{"version", options.version}},
                 {queue_, candidates_, [this] { return reclaimer_.asking(); }, [this] { return kill_log_.source(); }}),
      reclaimer_({}, queue_),
      recorder_(history, queue_, kernel::ContainerLogs(options.sources.container_logs),
                {.started_at_us = wall_now_us(),
                 .detail = options.version + ", " + options.settings.to_string(),
                 .hand_over = [this](const core::Handover& handover) { hand_over(handover); },
                 .started = [this] { tell(recorder_started_); }}),
      reclaim_timeout_us_(options.settings.policy.bounds.timeout_us),
      status_socket_(options.database),
      supervisor_({queue_, status_socket_, notifier_, [this] { return signs(); }}, options.version) {}

int Service::run() {
  const sigset_t signals = awaited_signals();
  const base::Fd signal_fd(::signalfd(-1, &signals, SFD_CLOEXEC));
  std::thread recorder([this] { recorder_thread(); });
  std::thread reclaimer([this] { reclaimer_thread(); });
  std::thread sampler([this] { sampler_thread(); });
  std::thread kill_log([this] { kill_log_thread(); });

  await_end(signal_fd.get());
  stop_reclaims_ = true;
  scan_loop_.stop();
  handover_known_.raise();
  supervisor_.stopping();
  const auto give_up_at = std::chrono::steady_clock::now() + kGrace;
  // By a signal, what blocks in the kernel returns.
  const auto ended_by = [&](std::thread& thread, Ended& ended) {
    if (ended.wait(kLeastGrace)) return true;
    while (!ended.wait(std::chrono::milliseconds{10}) && std::chrono::steady_clock::now() < give_up_at) {
      pthread_kill(thread.native_handle(), kWakeSignal);
    }
    return ended.wait(std::chrono::milliseconds{0});
  };
  const bool sampler_ended = ended_by(sampler, sampler_ended_);
  if (!sampler_ended) spdlog::warn("the sampler hangs in the kernel; it is left behind");
  kill_log_.stop();
  const bool kill_log_ended = ended_by(kill_log, kill_log_ended_);
  if (!kill_log_ended) spdlog::warn("the reader of the kernel's log hangs; it is left behind");
  stop_reclaims_ = true;
  queue_.end_waits();
  candidates_.close();
  const bool reclaimer_ended = ended_by(reclaimer, reclaimer_ended_);
  if (!reclaimer_ended)
    spdlog::warn("a reclaim hangs in the kernel; it stays 'started' on record until the next start");
  queue_.close();
  const bool recorder_ended = recorder_ended_.wait(kRecorderGrace);
  if (!recorder_ended) spdlog::error("the disk does not take the last records in time; they may be lost");
  if (recorder_ended) supervisor_.remove();
  if (!sampler_ended || !kill_log_ended || !reclaimer_ended || !recorder_ended) {
    std::_Exit(recorder_ended ? 0 : 1);  // a thread that hangs in the kernel can't be joined
  }
  sampler.join();
  kill_log.join();
  reclaimer.join();
  recorder.join();
  if (refusal_) std::rethrow_exception(refusal_);
  spdlog::info("stopped after {} {}", scan_loop_.scan_count(), scan_loop_.scan_count() == 1 ? "scan" : "scans");
  return 0;
}

/// Until the last cycle is over, a signal says to stop, or the history is refused for good. The status socket is made
/// once no other service holds the history: it would be that one's.
void Service::await_end(int signal_fd) {
  for (;;) {
    pollfd waits[] = {{signal_fd, POLLIN, 0},
                      {sampler_done_.get(), POLLIN, 0},
                      {supervisor_.fd(), POLLIN, 0},
                      {recorder_started_.get(), POLLIN, 0}};
    const int ready = ::poll(waits, 4, supervisor_.ms_until_look());
    supervisor_.look();
    if (ready <= 0) continue;
    signalfd_siginfo info{};
    const bool signalled = (waits[0].revents & POLLIN) != 0 && ::read(signal_fd, &info, sizeof info) == sizeof info;
    if (signalled && !on_signal(info.ssi_signo)) return;
    if ((waits[3].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t taken = ::read(recorder_started_.get(), &count, sizeof count);
      if (refusal_) return;
      supervisor_.open();
    }
    if ((waits[1].revents & POLLIN) != 0) return;
    if (waits[2].revents != 0) supervisor_.answer();
  }
}

/// False: it says to stop.
bool Service::on_signal(std::uint32_t signal) {
  if (signal == SIGHUP) {
    supervisor_.reloading();
    reload();
    supervisor_.reloaded();
    return true;
  }
  if (signal == SIGUSR1) {
    supervisor_.log_status();
    return true;
  }
  spdlog::info("stopping: {}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  stop_reclaims_ = true;
  queue_.end_waits();
  scan_loop_.stop();
  return false;
}

Signs Service::signs() const {
  // After the last cycle the sampler only waits for what it found due.
  const bool sampler_rests = options_.cycles && scan_loop_.scan_count() >= *options_.cycles;
  return {.sampler_at_us = sampler_rests ? 0 : scan_loop_.alive_at_us(),
          .reclaimer_at_us = reclaimer_at_us_,
          .asking_kernel_since_us = reclaimer_.asking_since_us(),
          .in_cooldown_count = in_cooldown_count_,
          .reclaim_timeout_us = reclaim_timeout_us_};
}

void Service::sampler_thread() {
  name_this_thread("sampler");
  scan_loop_.run(options_.cycles);
  sampler_ended_.raise();
  tell(sampler_done_);
}

void Service::kill_log_thread() {
  name_this_thread("kill-log");
  handover_known_.wait();  // the kernel keeps its log meanwhile
  if (has_handover_) kill_log_.run();
  kill_log_ended_.raise();
}

/// On the recorder's thread: what earlier runs have left goes to those who need it.
void Service::hand_over(const core::Handover& handover) {
  reclaimer_.adopt(handover.cooldowns);
  scan_loop_.adopt(handover.oom_kills_total);
  kill_log_.read_on_from(handover.log_position);
  has_handover_ = true;
  handover_known_.raise();
}

void Service::recorder_thread() {
  name_this_thread("recorder");
  lower_priority_of_this_thread();
  try {
    recorder_.run();
  } catch (...) {
    refusal_ = std::current_exception();
    tell(recorder_started_);
  }
  recorder_ended_.raise();
}

void Service::reclaimer_thread() {
  name_this_thread("reclaimer");
  std::optional<Alarm> alarm;
  const auto gets_on = [&] { reclaimer_at_us_ = steady_now_us(); };
  Reclaimer::Interrupts interrupts;
  interrupts.newer_scan = [&] {
    gets_on();  // it asks between two reclaims, and below before each step
    return candidates_.has_newer();
  };
  interrupts.stopping = [&] {
    gets_on();
    return stop_reclaims_.load();
  };
  try {
    alarm.emplace(kWakeSignal);
    interrupts.wake_after_us = [&](std::int64_t us) { alarm->set(us); };
  } catch (const std::exception& error) {
    spdlog::warn("reclaim_timeout holds between the steps of a reclaim only: {}", error.what());
  }
  if (!handover_known_.wait(kWaitForCooldowns))
    spdlog::warn("the history has not been opened yet: reclaims go on without the cooldowns of earlier runs");
  while (auto candidates = candidates_.take()) {
    gets_on();
    try {
      reclaimer_.reclaim_due(*candidates, interrupts);
      count_cooldowns();
    } catch (const std::exception& error) {
      spdlog::error("reclaim: {}", base::escape_for_terminal(error.what()));
    }
    reclaimer_at_us_ = 0;
  }
  reclaimer_.stop();
  reclaimer_ended_.raise();
}

void Service::count_cooldowns() {
  const std::int64_t now_us = wall_now_us();
  in_cooldown_count_ =
      std::ranges::count_if(reclaimer_.cooldowns(), [&](const auto& one) { return one.second.until_us > now_us; });
}

void Service::reload() {
  try {
    Settings settings = options_.reload();
    const kernel::Hierarchy hierarchy =
        hierarchy_for(settings.parent);  // a parent that is not there is a bad configuration
    spdlog::info("configuration reloaded: {}", base::escape_for_terminal(settings.to_string()));
    event("config_change", settings.to_string());
    reclaim_timeout_us_ = settings.policy.bounds.timeout_us;
    scan_loop_.change(std::move(settings));
    if (log_to_read(options_.sources.kernel_log, hierarchy) != log_to_read_) {
      spdlog::warn(
          "whether the kernel's log is read is decided at the start, which was with {} tree; start anew to have it "
          "decided for {}",
          hierarchy.real ? "a copied" : "the kernel's own", base::escape_for_terminal(hierarchy.parent));
    }
  } catch (const std::exception& error) {
    spdlog::error("the configuration stays as it was: {}", base::escape_for_terminal(error.what()));
    event("config_error", error.what());
  }
}

void Service::event(std::string kind, std::string detail) {
  queue_.push(core::ServiceEvent{wall_now_us(), std::move(kind), std::move(detail)});
}

}  // namespace

void await_signals() {
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  struct sigaction nothing{};
  nothing.sa_handler = [](int) {};
  sigaction(kWakeSignal, &nothing, nullptr);  // no SA_RESTART: a blocked call returns EINTR
  signal(SIGPIPE, SIG_IGN);
}

int run_service(store::Keeper& history, const ServiceOptions& options) {
  const kernel::Hierarchy hierarchy = hierarchy_for(options.settings.parent);  // before anything is recorded
  spdlog::info("cgroup-memory-manager {}: cgroup {} at {}", options.version, kernel::to_string(hierarchy.version),
               base::escape_for_terminal(hierarchy.parent));
  spdlog::info("{}", base::escape_for_terminal(options.settings.to_string()));
  if (!hierarchy.real)
    spdlog::warn("{} is not the kernel's: a copied or fake tree", base::escape_for_terminal(hierarchy.parent));
  give_back_memory();
  Service service(history, options, hierarchy);
  return service.run();
}

}  // namespace cgmm::daemon
