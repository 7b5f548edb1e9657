// SPDX-License-Identifier: Apache-2.0
#include "daemon/service.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

#include "core/table.hpp"
#include "core/text.hpp"
#include "core/units.hpp"
#include "daemon/clock.hpp"
#include "daemon/fault_log.hpp"
#include "daemon/mailbox.hpp"
#include "daemon/reclaimer.hpp"
#include "daemon/recorder.hpp"
#include "daemon/sampler.hpp"
#include "daemon/schedule.hpp"
#include "kernel/fd.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kLookForParentEvery_us = 60'000'000;
constexpr std::size_t kNamedNewCgroups = 20;  // more than that in one scan are only counted in the log
constexpr std::chrono::milliseconds kReclaimerGrace{700};
constexpr std::chrono::milliseconds kRecorderGrace{900};
constexpr int kWakeSignal = SIGUSR2;  // ends a kernel write that blocks

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
  for (const int one : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, one);
  return signals;
}

core::NodeFacts node_facts(const kernel::Hierarchy& hierarchy, const Settings& settings, const std::string& version) {
  struct utsname system {};
  ::uname(&system);
  return {{{"version", version},
           {"node", std::string(system.nodename)},
           {"kernel", std::string(system.release)},
           {"hierarchy", std::string(kernel::to_string(hierarchy.version))},
           {"parent", hierarchy.parent},
           {"page_size_bytes", static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE))},
           {"memory_bytes", static_cast<std::int64_t>(hierarchy.memory_bytes)},
           {"interval_us", settings.interval_us}}};
}

class Service {
 public:
  Service(store::History& history, const ServiceOptions& options, const kernel::Hierarchy& hierarchy,
          core::Handover handover);
  int run();

 private:
  void sampler_thread();
  void reclaimer_thread();
  void recorder_thread();

  void scan_once(Sampler& sampler, const Schedule::Start& start);
  void apply_changes(Sampler& sampler, Schedule& schedule);
  void look_for_parent(Sampler& sampler);
  void log_scan(const Sampler::Result& result);
  void wait_until_idle();
  void reload();
  void stop(const char* why);
  void event(std::string kind, std::string detail);

  const ServiceOptions& options_;
  RecordQueue queue_;
  Mailbox<Candidates> candidates_;
  Sampler sampler_;
  Reclaimer reclaimer_;
  Recorder recorder_;
  FaultLog scan_faults_;

  std::mutex mutex_;
  std::condition_variable wake_sampler_;
  Settings settings_;       // guarded by mutex_
  bool changed_ = false;    // guarded by mutex_: settings_ are new to the sampler
  bool stopping_ = false;   // guarded by mutex_
  std::atomic<bool> stop_reclaims_{false};

  std::int64_t looked_for_parent_at_us_ = 0;
  std::int64_t scans_made_ = 0;
  kernel::Fd sampler_done_{::eventfd(0, EFD_CLOEXEC)};  // the last cycle is over
  Ended reclaimer_ended_;
  Ended recorder_ended_;
};

Service::Service(store::History& history, const ServiceOptions& options, const kernel::Hierarchy& hierarchy,
                 core::Handover handover)
    : options_(options),
      sampler_(hierarchy, options.settings.watch, options.settings.policy, std::move(handover.oom_kills_total)),
      reclaimer_(std::move(handover), queue_),
      recorder_(history, queue_),
      settings_(options.settings) {
  queue_.push(node_facts(hierarchy, options.settings, options.version));
}

int Service::run() {
  const sigset_t signals = awaited_signals();
  const kernel::Fd signal_fd(::signalfd(-1, &signals, SFD_CLOEXEC));
  std::thread recorder([this] { recorder_thread(); });
  std::thread reclaimer([this] { reclaimer_thread(); });
  std::thread sampler([this] { sampler_thread(); });

  bool running = true;
  while (running) {
    pollfd waits[] = {{signal_fd.get(), POLLIN, 0}, {sampler_done_.get(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0) continue;
    signalfd_siginfo info{};
    if ((waits[0].revents & POLLIN) != 0 && ::read(signal_fd.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGHUP) {
        reload();
      } else {
        stop(info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
        running = false;
      }
    } else if ((waits[1].revents & POLLIN) != 0) {
      running = false;
    }
  }

  sampler.join();
  stop_reclaims_ = true;
  queue_.end_waits();
  candidates_.close();
  const auto give_up_at = std::chrono::steady_clock::now() + kReclaimerGrace;
  while (!reclaimer_ended_.wait(std::chrono::milliseconds{10}) && std::chrono::steady_clock::now() < give_up_at) {
    pthread_kill(reclaimer.native_handle(), kWakeSignal);
  }
  const bool reclaimer_ended = reclaimer_ended_.wait(std::chrono::milliseconds{0});
  if (!reclaimer_ended) spdlog::warn("a reclaim hangs in the kernel; it stays 'started' on record until the next start");
  queue_.close();
  const bool recorder_ended = recorder_ended_.wait(kRecorderGrace);
  if (!recorder_ended) spdlog::error("the disk does not take the last records in time; they may be lost");
  if (!reclaimer_ended || !recorder_ended) {
    std::_Exit(recorder_ended ? 0 : 1);  // a thread that hangs in the kernel can't be joined
  }
  reclaimer.join();
  recorder.join();
  spdlog::info("stopped after {} scans", scans_made_);
  return 0;
}

void Service::recorder_thread() {
  recorder_.run();
  recorder_ended_.raise();
}

void Service::reclaimer_thread() {
  while (auto candidates = candidates_.take()) {
    try {
      reclaimer_.reclaim_due(*candidates, {.newer_scan = [&] { return candidates_.has_newer(); },
                                           .stopping = [&] { return stop_reclaims_.load(); }});
    } catch (const std::exception& error) {
      spdlog::error("reclaim: {}", core::escape_for_terminal(error.what()));
    }
  }
  reclaimer_ended_.raise();
}

void Service::sampler_thread() {
  Schedule schedule(steady_now_us(), settings_.interval_us);
  looked_for_parent_at_us_ = steady_now_us();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto due = std::chrono::steady_clock::time_point(std::chrono::microseconds(schedule.due_us()));
      wake_sampler_.wait_until(lock, due, [&] { return stopping_ || changed_; });
      if (stopping_) break;
    }
    apply_changes(sampler_, schedule);
    if (steady_now_us() < schedule.due_us()) continue;
    look_for_parent(sampler_);
    scan_once(sampler_, schedule.begin(steady_now_us()));
    if (options_.cycles && scans_made_ >= *options_.cycles) {
      wait_until_idle();
      break;
    }
  }
  const std::uint64_t one = 1;
  if (::write(sampler_done_.get(), &one, sizeof one) < 0) spdlog::error("eventfd: {}", errno);
}

void Service::scan_once(Sampler& sampler, const Schedule::Start& start) {
  if (queue_.wants_announcement()) sampler.announce_all();
  Sampler::Result result = sampler.scan(wall_now_us());
  result.scan.late_us = start.late_us;
  ++scans_made_;
  log_scan(result);
  if (start.missed_count > 0) {
    spdlog::warn("{} scans were missed: the one before took too long, or the machine slept", start.missed_count);
    event("gap", std::to_string(start.missed_count) + " scans were missed, this one is " +
                     core::format_duration_us(start.late_us) + " late");
  }
  bool dry_run = false;
  {
    const std::lock_guard lock(mutex_);
    dry_run = settings_.dry_run;
    result.scan.interval_us = settings_.interval_us;
  }
  candidates_.put({sampler.hierarchy(), std::move(result.candidates), dry_run});
  if (!queue_.push_scan(std::move(result.scan))) sampler.take_back(result.scan);
  for (core::OomKill& kill : result.oom_kills) queue_.push(std::move(kill));
}

void Service::log_scan(const Sampler::Result& result) {
  const core::Scan& scan = result.scan;
  if (scan.appeared.size() <= kNamedNewCgroups) {
    for (const core::AppearedCgroup& one : scan.appeared) {
      spdlog::info("new cgroup: {}", core::escape_for_terminal(one.id.path));
    }
  } else {
    spdlog::info("{} new cgroups", scan.appeared.size());
  }
  if (!scan.vanished.empty()) spdlog::info("{} cgroups are gone", scan.vanished.size());
  for (const core::OomKill& kill : result.oom_kills) {
    spdlog::warn("OOM kill in {}", core::escape_for_terminal(kill.id.path));
  }
  const FaultLog::Message fault = scan_faults_.after_pass(scan.error_count, result.first_error, "cgroups that can't be read");
  if (!fault.text.empty()) {
    spdlog::log(fault.is_end ? spdlog::level::info : spdlog::level::warn, "{}", core::escape_for_terminal(fault.text));
    event(fault.is_end ? "fault_end" : "fault_begin", fault.text);
  }
  spdlog::debug("scan: {} cgroups, {} errors, {} over their threshold, {}", scan.rows.size(), scan.error_count,
                result.candidates.size(), core::format_duration_us(scan.duration_us));
}

void Service::apply_changes(Sampler& sampler, Schedule& schedule) {
  Settings settings;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(changed_, false)) return;
    settings = settings_;
  }
  sampler.set_policy(settings.policy);
  schedule.set_interval(steady_now_us(), settings.interval_us);
  try {
    sampler.set_hierarchy(hierarchy_for(settings.parent), settings.watch);
  } catch (const std::exception& error) {
    spdlog::error("the parent stays {}: {}", core::escape_for_terminal(sampler.hierarchy().parent),
                  core::escape_for_terminal(error.what()));
  }
  queue_.push(node_facts(sampler.hierarchy(), settings, options_.version));
}

/// "auto" finds another parent when one comes into being: kubelet may start long after us. Where a runtime keeps its
/// containers is not given up for the whole hierarchy while it exists: the last container may just have ended.
void Service::look_for_parent(Sampler& sampler) {
  if (steady_now_us() - looked_for_parent_at_us_ < kLookForParentEvery_us) return;
  looked_for_parent_at_us_ = steady_now_us();
  Settings settings;
  {
    const std::lock_guard lock(mutex_);
    settings = settings_;
  }
  if (settings.parent != "auto") return;
  const kernel::Hierarchy& now = sampler.hierarchy();
  try {
    const kernel::Hierarchy found = hierarchy_for(settings.parent);
    const bool all_of_it = found.parent_path.empty();
    if (found == now || (all_of_it && ::access(now.parent.c_str(), F_OK) == 0)) return;
    const std::string change = "watching " + found.parent + " from now on, it was " + now.parent;
    spdlog::info("{}", core::escape_for_terminal(change));
    event("config_change", change);
    sampler.set_hierarchy(found, settings.watch);
    queue_.push(node_facts(found, settings, options_.version));
  } catch (const std::exception& error) {
    spdlog::debug("looking for a parent: {}", core::escape_for_terminal(error.what()));  // the scan says what is wrong
  }
}

/// After the last cycle: what was found due is still reclaimed. A signal ends the wait.
void Service::wait_until_idle() {
  std::unique_lock lock(mutex_);
  while (!stopping_ && !candidates_.idle()) wake_sampler_.wait_for(lock, std::chrono::milliseconds{5});
}

void Service::reload() {
  try {
    Settings settings = options_.reload();
    const kernel::Hierarchy hierarchy = hierarchy_for(settings.parent);
    spdlog::info("configuration reloaded: {}, watching {}", settings.to_string(), hierarchy.parent);
    event("config_change", settings.to_string());
    {
      const std::lock_guard lock(mutex_);
      settings_ = std::move(settings);
      changed_ = true;
    }
    wake_sampler_.notify_all();
  } catch (const std::exception& error) {
    spdlog::error("the configuration stays as it was: {}", core::escape_for_terminal(error.what()));
    event("config_error", error.what());
  }
}

void Service::stop(const char* why) {
  spdlog::info("stopping: {}", why);
  stop_reclaims_ = true;
  queue_.end_waits();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_sampler_.notify_all();
}

void Service::event(std::string kind, std::string detail) {
  queue_.push(core::ServiceEvent{wall_now_us(), std::move(kind), std::move(detail)});
}

}  // namespace

std::string Settings::to_string() const {
  return "parent " + parent + ", threshold " + policy.defaults.threshold.to_string() + ", interval " +
         core::duration_setting(interval_us) + ", cooldown " + core::duration_setting(policy.defaults.cooldown_us) +
         ", " + std::to_string(policy.rules.size()) + (policy.rules.size() == 1 ? " rule" : " rules") +
         (dry_run ? ", dry run" : "");
}

void await_signals() {
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  sigaction(kWakeSignal, &nothing, nullptr);  // no SA_RESTART: a blocked call returns EINTR
  signal(SIGPIPE, SIG_IGN);
}

kernel::Hierarchy hierarchy_for(const std::string& parent) {
  return kernel::open_hierarchy(parent == "auto" ? kernel::find_parent() : parent);
}

int run_service(store::History& history, const ServiceOptions& options) {
  const kernel::Hierarchy hierarchy = hierarchy_for(options.settings.parent);  // before anything is recorded
  spdlog::info("cgroup-memory-manager {}: cgroup {} at {}", options.version, kernel::to_string(hierarchy.version),
               core::escape_for_terminal(hierarchy.parent));
  spdlog::info("{}", core::escape_for_terminal(options.settings.to_string()));
  if (!hierarchy.real) spdlog::warn("{} is not the kernel's: a copied or fake tree", core::escape_for_terminal(hierarchy.parent));
  core::Handover handover = history.begin_run(wall_now_us(), options.version + ", " + options.settings.to_string());
  Service service(history, options, hierarchy, std::move(handover));
  return service.run();
}

}  // namespace cgmm::daemon
