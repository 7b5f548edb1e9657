// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/scan_loop.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "daemon/clock.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::size_t kNamed = 20;  // more than that in one scan are only counted in the log

void log_kills(const std::vector<core::CountedOomKills>& oom_kills) {
  if (oom_kills.size() > kNamed) {
    spdlog::info("the counters of OOM kills rose in {} cgroups", oom_kills.size());
    return;
  }
  for (const core::CountedOomKills& kills : oom_kills) {
    spdlog::info("the counter of OOM kills rose by {} in {}", kills.count, base::escape_for_terminal(kills.id.path));
  }
}

void log_scan(const Sampler::Result& result) {
  if (result.appeared.size() <= kNamed) {
    for (const core::CgroupRef& one : result.appeared) {
      spdlog::info("new cgroup: {}", base::escape_for_terminal(one->id.path));
    }
  } else {
    spdlog::info("{} new cgroups", result.appeared.size());
  }
  if (result.gone_count > 0) {
    spdlog::info("{}",
                 result.gone_count == 1 ? "1 cgroup is gone" : std::to_string(result.gone_count) + " cgroups are gone");
  }
  log_kills(result.oom_kills);
  spdlog::debug("scan: {} cgroups, {} errors, {} over their threshold, {}", result.scan.rows.size(),
                result.scan.error_count, result.candidates.size(), base::format_duration_us(result.scan.duration_us));
}

}  // namespace

ScanLoop::ScanLoop(Sampler sampler, Settings settings, core::Parameters facts, Channels channels)
    : sampler_(std::move(sampler)),
      facts_(std::move(facts)),
      queue_(channels.queue),
      candidates_(channels.candidates),
      board_(channels.board),
      parent_(settings.parent, steady_now_us()),
      scan_faults_(queue_),
      clock_faults_(queue_, board_) {
  sampler_.set_near_limit_bounds(settings.near_limit);
  sampler_.set_max_cgroups(settings.max_cgroups);
  push_node_facts(settings);
  shared_.settings = std::move(settings);
}

void ScanLoop::run(std::optional<std::int64_t> cycles) {
  board_.set_sampler_at_us(steady_now_us());  // every five seconds at least, whatever the interval
  Schedule schedule(steady_now_us(), settings_now().interval_us);
  const Clocks clocks;
  std::int64_t sample_at_us = steady_now_us() + core::kNearLimitEvery_us;
  while (wait_until_due(std::min(schedule.due_us(), sample_at_us))) {
    board_.set_sampler_at_us(steady_now_us());
    tick(clocks);
    apply_changes(schedule);
    if (const std::int64_t now_us = steady_now_us(); now_us < schedule.due_us()) {  // else it was woken for the changes
      if (now_us < sample_at_us) continue;
      if (schedule.due_us() - now_us > core::kNearLimitEvery_us / 2) sample_near_limit();
      sample_at_us = now_us + sampler_.sample_again_after_us();
      continue;
    }
    look_for_parent();
    const std::int64_t began_us = steady_now_us();
    scan_once(schedule.begin(began_us));
    sample_at_us = began_us + sampler_.sample_again_after_us();
    if (cycles && scan_count_ >= *cycles) {
      board_.set_sampler_at_us(0);
      wait_until_idle();
      return;
    }
  }
}

/// False when the service stops. Changed settings end the wait early.
bool ScanLoop::wait_until_due(std::int64_t due_us) {
  base::Lock lock(mutex_);
  const auto due = std::chrono::steady_clock::time_point(std::chrono::microseconds(due_us));
  wake_.wait_until(lock, due, [&]() CGMM_REQUIRES(mutex_) { return shared_.stopping || shared_.changed; });
  return !shared_.stopping;
}

void ScanLoop::change(Settings settings) {
  {
    const base::Lock lock(mutex_);
    shared_.settings = std::move(settings);
    shared_.changed = true;
  }
  wake_.notify_all();
}

void ScanLoop::stop() {
  {
    const base::Lock lock(mutex_);
    shared_.stopping = true;
  }
  wake_.notify_all();
}

Settings ScanLoop::settings_now() {
  const base::Lock lock(mutex_);
  return shared_.settings;
}

void ScanLoop::tick(const Clocks& clocks) {
  const Settings settings = settings_now();
  if (board_.kernel_log() != told_log_source_) push_node_facts(settings);
  clock_faults_.look(clocks, settings.policy.bounds.timeout_us);
}

void ScanLoop::scan_once(const Schedule::Start& start) {
  if (auto totals = board_.take_oom_kills_total()) earlier_kills_.adopt(std::move(*totals));
  const std::int64_t began_us = steady_now_us();
  Sampler::Result result = sampler_.scan(wall_now_us());
  earlier_kills_.add_to(result.scan, result.oom_kills);
  result.scan.late_us = start.late_us;
  ++scan_count_;
  log_scan(result);
  scan_faults_.tell(result, wall_now_us());
  if (start.missed_count > 0) {
    spdlog::warn("{} scans were missed: the one before took too long, or nobody let it run", start.missed_count);
    event("gap", std::to_string(start.missed_count) + " scans were missed, this one is " +
                     base::format_duration_us(start.late_us) + " late");
  }
  const Settings settings = settings_now();
  candidates_.put({.hierarchy = sampler_.hierarchy(),
                   .cgroups = std::move(result.candidates),
                   .dry_run = settings.dry_run,
                   .sightings = std::move(result.sightings),
                   .seen_at_us = began_us,
                   .bounds = settings.policy.bounds,
                   .learning = settings.policy.learning});
  result.scan.interval_us = settings.interval_us;
  queue_.push_scan(std::move(result.scan), std::move(result.oom_kills));
}

void ScanLoop::sample_near_limit() {
  auto result = sampler_.sample_near_limit(wall_now_us());
  if (!result) return;
  result->scan.interval_us = settings_now().interval_us;
  log_kills(result->oom_kills);
  earlier_kills_.add_to(result->scan, result->oom_kills);
  spdlog::debug("near their limit: {} cgroups, {}", result->scan.rows.size(),
                base::format_duration_us(result->scan.duration_us));
  queue_.push_scan(std::move(result->scan), std::move(result->oom_kills));
}

void ScanLoop::apply_changes(Schedule& schedule) {
  Settings settings;
  {
    const base::Lock lock(mutex_);
    if (!std::exchange(shared_.changed, false)) return;
    settings = shared_.settings;
  }
  sampler_.set_policy(settings.policy);
  sampler_.set_near_limit_bounds(settings.near_limit);
  sampler_.set_max_cgroups(settings.max_cgroups);
  schedule.set_interval(steady_now_us(), settings.interval_us);
  try {
    sampler_.set_hierarchy(parent_.find(settings.parent, sampler_.hierarchy()), settings.watch);
    parent_.set(settings.parent);
  } catch (const std::exception& error) {
    spdlog::error("the parent stays {}: {}", base::escape_for_terminal(sampler_.hierarchy().parent),
                  base::escape_for_terminal(error.what()));
  }
  push_node_facts(settings);
}

void ScanLoop::look_for_parent() {
  if (!parent_.is_due(steady_now_us())) return;
  const Settings settings = settings_now();
  try {
    const kernel::Hierarchy found = parent_.find(parent_.setting(), sampler_.hierarchy());
    if (found == sampler_.hierarchy()) return;
    const std::string change = "watching " + found.parent + " from now on, it was " + sampler_.hierarchy().parent;
    spdlog::info("{}", base::escape_for_terminal(change));
    event("config_change", change);
    sampler_.set_hierarchy(found, settings.watch);
    push_node_facts(settings);
  } catch (const std::exception& error) {
    spdlog::debug("looking for a parent: {}", base::escape_for_terminal(error.what()));  // the scan says what is wrong
  }
}

/// After the last cycle: what was found due is still reclaimed. A signal ends the wait.
void ScanLoop::wait_until_idle() {
  base::Lock lock(mutex_);
  while (!shared_.stopping && !candidates_.idle()) wake_.wait_for(lock, std::chrono::milliseconds{5});
}

void ScanLoop::event(std::string kind, std::string detail) {
  queue_.push(core::ServiceEvent{wall_now_us(), std::move(kind), std::move(detail)});
}

void ScanLoop::push_node_facts(const Settings& settings) {
  const kernel::Hierarchy& hierarchy = sampler_.hierarchy();
  board_.set_hierarchy(hierarchy);
  struct utsname system{};
  ::uname(&system);
  told_log_source_ = board_.kernel_log();
  core::Parameters facts{{"node", std::string(system.nodename)},
                         {"kernel", std::string(system.release)},
                         {"hierarchy", std::string(kernel::to_string(hierarchy.version))},
                         {"parent", hierarchy.parent},
                         {"page_size_bytes", static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE))},
                         {"memory_bytes", static_cast<std::int64_t>(hierarchy.memory_bytes)},
                         {"kernel_log", told_log_source_},
                         {"interval_us", settings.interval_us},
                         {"observe_for_us", settings.policy.learning.observe_for_us}};
  facts.insert(facts_.begin(), facts_.end());
  queue_.push(core::NodeFacts{std::move(facts)});
}

}  // namespace cgmm::daemon
