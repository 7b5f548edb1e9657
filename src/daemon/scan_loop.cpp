// SPDX-License-Identifier: Apache-2.0
#include "daemon/scan_loop.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "core/text.hpp"
#include "core/units.hpp"
#include "daemon/clock.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kLookForParentEvery_us = 60'000'000;
constexpr std::size_t kNamedNewCgroups = 20;  // more than that in one scan are only counted in the log

}  // namespace

ScanLoop::ScanLoop(Sampler sampler, Settings settings, core::Parameters facts, Channels channels)
    : sampler_(std::move(sampler)),
      facts_(std::move(facts)),
      queue_(channels.queue),
      candidates_(channels.candidates),
      parent_setting_(settings.parent),
      settings_(std::move(settings)) {
  sampler_.set_watch_bounds(settings_.watch_bounds);
  push_node_facts(settings_);
}

void ScanLoop::run(std::optional<std::int64_t> cycles) {
  alive_at_us_ = steady_now_us();
  Schedule schedule(steady_now_us(), settings_now().interval_us);
  looked_for_parent_at_us_ = steady_now_us();
  std::int64_t look_at_us = steady_now_us() + core::kWatchEvery_us;
  while (wait_until_due(std::min(schedule.due_us(), look_at_us))) {
    alive_at_us_ = steady_now_us();
    apply_changes(schedule);
    if (const std::int64_t now_us = steady_now_us(); now_us < schedule.due_us()) {  // else it was woken for the changes
      if (now_us < look_at_us) continue;
      look_at_us = now_us + core::kWatchEvery_us;
      if (schedule.due_us() - now_us > core::kWatchEvery_us / 2) look_once();
      continue;
    }
    look_at_us = steady_now_us() + core::kWatchEvery_us;
    look_for_parent();
    scan_once(schedule.begin(steady_now_us()));
    if (cycles && scan_count_ >= *cycles) {
      wait_until_idle();
      return;
    }
  }
}

/// False when the service stops. Changed settings end the wait early.
bool ScanLoop::wait_until_due(std::int64_t due_us) {
  std::unique_lock lock(mutex_);
  const auto due = std::chrono::steady_clock::time_point(std::chrono::microseconds(due_us));
  wake_.wait_until(lock, due, [&] { return stopping_ || changed_; });
  return !stopping_;
}

void ScanLoop::change(Settings settings) {
  {
    const std::lock_guard lock(mutex_);
    settings_ = std::move(settings);
    changed_ = true;
  }
  wake_.notify_all();
}

void ScanLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

Settings ScanLoop::settings_now() {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void ScanLoop::scan_once(const Schedule::Start& start) {
  if (queue_.wants_announcement()) sampler_.announce_all();
  const std::int64_t began_us = steady_now_us();
  Sampler::Result result = sampler_.scan(wall_now_us());
  result.scan.late_us = start.late_us;
  ++scan_count_;
  log_scan(result);
  if (start.missed_count > 0) {
    spdlog::warn("{} scans were missed: the one before took too long, or the machine slept", start.missed_count);
    event("gap", std::to_string(start.missed_count) + " scans were missed, this one is " +
                     core::format_duration_us(start.late_us) + " late");
  }
  Candidates candidates{.hierarchy = sampler_.hierarchy(),
                        .cgroups = std::move(result.candidates),
                        .sightings = std::move(result.sightings),
                        .seen_at_us = began_us};
  {
    const std::lock_guard lock(mutex_);
    candidates.dry_run = settings_.dry_run;
    candidates.bounds = settings_.policy.bounds;
    candidates.learning = settings_.policy.learning;
    result.scan.interval_us = settings_.interval_us;
  }
  candidates_.put(std::move(candidates));
  hand_on(std::move(result));
}

void ScanLoop::look_once() {
  auto result = sampler_.look(wall_now_us());
  if (!result) return;
  result->scan.interval_us = settings_now().interval_us;
  spdlog::debug("near their limit: {} cgroups, {}", result->scan.rows.size(),
                core::format_duration_us(result->scan.duration_us));
  hand_on(std::move(*result));
}

void ScanLoop::hand_on(Sampler::Result&& result) {
  if (!queue_.push_scan(std::move(result.scan))) sampler_.take_back(result.scan);
  for (core::CountedOomKills& kills : result.oom_kills) queue_.push(std::move(kills));
}

void ScanLoop::log_scan(const Sampler::Result& result) {
  const core::Scan& scan = result.scan;
  if (scan.appeared.size() <= kNamedNewCgroups) {
    for (const core::AppearedCgroup& one : scan.appeared) {
      spdlog::info("new cgroup: {}", core::escape_for_terminal(one.id.path));
    }
  } else {
    spdlog::info("{} new cgroups", scan.appeared.size());
  }
  if (!scan.vanished.empty()) {
    spdlog::info("{}", scan.vanished.size() == 1 ? "1 cgroup is gone" : std::to_string(scan.vanished.size()) + " cgroups are gone");
  }
  for (const core::CountedOomKills& kills : result.oom_kills) {
    spdlog::info("the counter of OOM kills rose by {} in {}", kills.count, core::escape_for_terminal(kills.id.path));
  }
  const FaultLog::Message fault = scan_faults_.after_pass(scan.error_count, result.first_error, "cgroups that can't be read");
  if (!fault.text.empty()) {
    spdlog::log(fault.is_end ? spdlog::level::info : spdlog::level::warn, "{}", core::escape_for_terminal(fault.text));
    queue_.push(core::ServiceEvent{wall_now_us(), fault.is_end ? "fault_end" : "fault_begin", fault.text, "cgroups"});
  }
  spdlog::debug("scan: {} cgroups, {} errors, {} over their threshold, {}", scan.rows.size(), scan.error_count,
                result.candidates.size(), core::format_duration_us(scan.duration_us));
}

void ScanLoop::apply_changes(Schedule& schedule) {
  Settings settings;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(changed_, false)) return;
    settings = settings_;
  }
  sampler_.set_policy(settings.policy);
  sampler_.set_watch_bounds(settings.watch_bounds);
  schedule.set_interval(steady_now_us(), settings.interval_us);
  try {
    sampler_.set_hierarchy(find_hierarchy(settings.parent), settings.watch);
    parent_setting_ = settings.parent;
  } catch (const std::exception& error) {
    spdlog::error("the parent stays {}: {}", core::escape_for_terminal(sampler_.hierarchy().parent),
                  core::escape_for_terminal(error.what()));
  }
  push_node_facts(settings);
}

/// "auto" finds another parent when one comes into being: kubelet may start long after us.
void ScanLoop::look_for_parent() {
  if (parent_setting_ != "auto" || steady_now_us() - looked_for_parent_at_us_ < kLookForParentEvery_us) return;
  looked_for_parent_at_us_ = steady_now_us();
  const Settings settings = settings_now();
  try {
    const kernel::Hierarchy found = find_hierarchy(parent_setting_);
    if (found == sampler_.hierarchy()) return;
    const std::string change = "watching " + found.parent + " from now on, it was " + sampler_.hierarchy().parent;
    spdlog::info("{}", core::escape_for_terminal(change));
    event("config_change", change);
    sampler_.set_hierarchy(found, settings.watch);
    push_node_facts(settings);
  } catch (const std::exception& error) {
    spdlog::debug("looking for a parent: {}", core::escape_for_terminal(error.what()));  // the scan says what is wrong
  }
}

/// What a parent setting means now. Where "auto" has found a runtime's containers, that is not given up for the whole
/// hierarchy while the directory exists: the last container may just have ended.
kernel::Hierarchy ScanLoop::find_hierarchy(const std::string& parent) const {
  const kernel::Hierarchy& now = sampler_.hierarchy();
  kernel::Hierarchy found = hierarchy_for(parent);
  const bool still_auto = parent == "auto" && parent_setting_ == "auto";
  const bool would_widen = still_auto && found.parent_path.empty() && ::access(now.parent.c_str(), F_OK) == 0;
  return would_widen ? now : found;
}

/// After the last cycle: what was found due is still reclaimed. A signal ends the wait.
void ScanLoop::wait_until_idle() {
  std::unique_lock lock(mutex_);
  while (!stopping_ && !candidates_.idle()) wake_.wait_for(lock, std::chrono::milliseconds{5});
}


void ScanLoop::event(std::string kind, std::string detail) {
  queue_.push(core::ServiceEvent{wall_now_us(), std::move(kind), std::move(detail)});
}

kernel::Hierarchy ScanLoop::hierarchy() {
  const std::lock_guard lock(mutex_);
  return hierarchy_;
}

void ScanLoop::push_node_facts(const Settings& settings) {
  const kernel::Hierarchy& hierarchy = sampler_.hierarchy();
  {
    const std::lock_guard lock(mutex_);
    hierarchy_ = hierarchy;
  }
  struct utsname system {};
  ::uname(&system);
  core::Parameters facts{{"node", std::string(system.nodename)},
                         {"kernel", std::string(system.release)},
                         {"hierarchy", std::string(kernel::to_string(hierarchy.version))},
                         {"parent", hierarchy.parent},
                         {"page_size_bytes", static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE))},
                         {"memory_bytes", static_cast<std::int64_t>(hierarchy.memory_bytes)},
                         {"interval_us", settings.interval_us},
                         {"observe_for_us", settings.policy.learning.observe_for_us}};
  facts.insert(facts_.begin(), facts_.end());
  queue_.push(core::NodeFacts{std::move(facts)});
}

}  // namespace cgmm::daemon
