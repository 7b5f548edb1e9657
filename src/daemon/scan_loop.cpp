// SPDX-License-Identifier: Apache-2.0
#include "daemon/scan_loop.hpp"

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

constexpr std::int64_t kLookForParentEvery_us = 60'000'000;
constexpr std::size_t kNamed = 20;             // more than that in one scan are only counted in the log
constexpr std::int64_t kGrace_us = 5'000'000;  // a reclaim that was told to end may still take this long
constexpr const char* kNoParent = "the directory of the watched cgroups can't be read: ";
constexpr const char* kParentIsBack = "the directory of the watched cgroups can be read again";

}  // namespace

ScanLoop::ScanLoop(Sampler sampler, Settings settings, core::Parameters facts, Channels channels)
    : sampler_(std::move(sampler)),
      facts_(std::move(facts)),
      queue_(channels.queue),
      candidates_(channels.candidates),
      parent_setting_(settings.parent),
      asking_(std::move(channels.asking)),
      log_source_(std::move(channels.log_source)),
      cgroups_fault_("cgroups", queue_),
      max_cgroups_fault_("max_cgroups", queue_),
      parent_fault_("parent", queue_),
      hang_fault_("reclaim_hang", queue_),
      clock_fault_("clock", queue_),
      settings_(std::move(settings)) {
  sampler_.set_watch_bounds(settings_.watch_bounds);
  sampler_.set_max_cgroups(settings_.max_cgroups);
  push_node_facts(settings_);
}

void ScanLoop::run(std::optional<std::int64_t> cycles) {
  alive_at_us_ = steady_now_us();
  Schedule schedule(steady_now_us(), settings_now().interval_us);
  looked_for_parent_at_us_ = steady_now_us();
  const Clocks clocks;
  std::int64_t look_at_us = steady_now_us() + core::kWatchEvery_us;
  while (wait_until_due(std::min(schedule.due_us(), look_at_us))) {
    alive_at_us_ = steady_now_us();
    tick(clocks);
    apply_changes(schedule);
    if (const std::int64_t now_us = steady_now_us(); now_us < schedule.due_us()) {  // else it was woken for the changes
      if (now_us < look_at_us) continue;
      if (schedule.due_us() - now_us > core::kWatchEvery_us / 2) look_once();
      look_at_us = now_us + sampler_.look_again_after_us();
      continue;
    }
    look_for_parent();
    const std::int64_t began_us = steady_now_us();
    scan_once(schedule.begin(began_us));
    look_at_us = began_us + sampler_.look_again_after_us();
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

void ScanLoop::tick(const Clocks& clocks) {
  if (log_source_() != told_log_source_) push_node_facts(settings_now());
  watch_clocks(clocks);
  watch_reclaimer(clocks);
}

/// Scans go by a clock that nobody sets and that stands still while the machine sleeps, so neither makes one late.
void ScanLoop::watch_clocks(const Clocks& clocks) {
  const ClockWatch::Seen seen = clock_watch_.look(clocks);
  if (seen.slept_us > 0) {
    const std::string slept = "the machine slept for " + base::format_duration_us(seen.slept_us);
    spdlog::info("{}", slept);
    queue_.push(core::ServiceEvent{clocks.wall(), "gap", slept});
  }
  switch (clock_setting_.after(seen, clocks.boot())) {
    case ClockSetting::Say::nothing:
      return;
    case ClockSetting::Say::begins: {
      const std::int64_t set_by_us = clock_setting_.set_by_us();
      const std::string by = base::format_duration_us(std::abs(set_by_us));
      clock_fault_.begin(clocks.wall(),
                         set_by_us > 0 ? "the wall clock was set forth by " + by
                                       : "the wall clock was set back by " + by +
                                             ": what is recorded from now on has instants that are on record already");
      return;
    }
    case ClockSetting::Say::ends:
      clock_fault_.end(clocks.wall(), "the wall clock is even again: set to where it was, or not set for ten minutes");
      return;
  }
}

/// A signal ends the reclaimer's waiting for the kernel at reclaim_timeout; what goes on all the same can't be helped
/// from here.
void ScanLoop::watch_reclaimer(const Clocks& clocks) {
  const Asking asking = asking_();
  if (hang_fault_.is_on() && asking.since_us != hangs_since_us_) {
    hang_fault_.end(clocks.wall(), "the kernel has answered, reclaims go on");
  }
  if (hang_fault_.is_on() || asking.since_us == 0) return;
  const std::int64_t waited_us = clocks.steady() - asking.since_us;
  if (waited_us < settings_now().policy.bounds.timeout_us + kGrace_us) return;
  hangs_since_us_ = asking.since_us;
  hang_fault_.begin(clocks.wall(), "a reclaim of " + asking.path + " has been waiting for the kernel for " +
                                       base::format_duration_us(waited_us) +
                                       " and can't be interrupted: until it answers, nothing is reclaimed");
}

void ScanLoop::adopt(EarlierKills::Totals oom_kills_total) {
  const std::lock_guard lock(mutex_);
  adopted_ = std::move(oom_kills_total);
}

void ScanLoop::take_adopted() {
  const std::lock_guard lock(mutex_);
  if (adopted_) earlier_kills_.adopt(std::move(*adopted_));
  adopted_.reset();
}

void ScanLoop::scan_once(const Schedule::Start& start) {
  take_adopted();
  const std::int64_t began_us = steady_now_us();
  Sampler::Result result = sampler_.scan(wall_now_us());
  earlier_kills_.add_to(result.scan, result.oom_kills);
  result.scan.late_us = start.late_us;
  ++scan_count_;
  log_scan(result);
  tell_faults(result);
  if (start.missed_count > 0) {
    spdlog::warn("{} scans were missed: the one before took too long, or nobody let it run", start.missed_count);
    event("gap", std::to_string(start.missed_count) + " scans were missed, this one is " +
                     base::format_duration_us(start.late_us) + " late");
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
  log_kills(result->oom_kills);
  spdlog::debug("near their limit: {} cgroups, {}", result->scan.rows.size(),
                base::format_duration_us(result->scan.duration_us));
  hand_on(std::move(*result));
}

void ScanLoop::hand_on(Sampler::Result&& result) {
  queue_.push_scan(std::move(result.scan), std::move(result.oom_kills));
}

void ScanLoop::log_kills(const std::vector<core::CountedOomKills>& oom_kills) {
  if (oom_kills.size() > kNamed) {
    spdlog::info("the counters of OOM kills rose in {} cgroups", oom_kills.size());
    return;
  }
  for (const core::CountedOomKills& kills : oom_kills) {
    spdlog::info("the counter of OOM kills rose by {} in {}", kills.count, base::escape_for_terminal(kills.id.path));
  }
}

void ScanLoop::log_scan(const Sampler::Result& result) {
  const core::Scan& scan = result.scan;
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
  spdlog::debug("scan: {} cgroups, {} errors, {} over their threshold, {}", scan.rows.size(), scan.error_count,
                result.candidates.size(), base::format_duration_us(scan.duration_us));
}

/// While there is nothing to scan, what was wrong with single cgroups neither goes on nor ends.
void ScanLoop::tell_faults(const Sampler::Result& result) {
  const std::int64_t now_us = wall_now_us();
  const bool scanned = result.parent_error.empty();
  FaultLog::Message parent = no_parent_.after_pass(scanned ? 0 : 1, "", "");
  if (!parent.text.empty()) {
    parent.text = parent.is_end ? kParentIsBack : kNoParent + result.parent_error;
    parent_fault_.tell(now_us, parent);
  }
  if (!scanned) return;
  if (const bool is_costly = result.unwatched_count > 0; is_costly != std::exchange(unwatched_told_, is_costly)) {
    if (is_costly) {
      spdlog::warn(
          "{} directories can't be watched for changes and are listed in every scan, which costs more: raise "
          "fs.inotify.max_user_watches, of which half is taken at most",
          result.unwatched_count);
    } else {
      spdlog::info("all directories are watched for changes again");
    }
  }
  cgroups_fault_.tell(
      now_us, unreadable_.after_pass(result.scan.error_count, result.first_error, "cgroups that can't be read"));
  FaultLog::Message left_out = left_out_.after_pass(result.left_out_count, "", "");
  if (!left_out.text.empty()) {
    left_out.text = left_out.is_end
                        ? "no cgroup is over max_cgroups any more"
                        : std::to_string(result.left_out_count) +
                              " cgroups are over max_cgroups and left out; those that are watched stay watched";
    max_cgroups_fault_.tell(now_us, left_out);
  }
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
  sampler_.set_max_cgroups(settings.max_cgroups);
  schedule.set_interval(steady_now_us(), settings.interval_us);
  try {
    sampler_.set_hierarchy(find_hierarchy(settings.parent), settings.watch);
    parent_setting_ = settings.parent;
  } catch (const std::exception& error) {
    spdlog::error("the parent stays {}: {}", base::escape_for_terminal(sampler_.hierarchy().parent),
                  base::escape_for_terminal(error.what()));
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
    spdlog::info("{}", base::escape_for_terminal(change));
    event("config_change", change);
    sampler_.set_hierarchy(found, settings.watch);
    push_node_facts(settings);
  } catch (const std::exception& error) {
    spdlog::debug("looking for a parent: {}", base::escape_for_terminal(error.what()));  // the scan says what is wrong
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
  struct utsname system{};
  ::uname(&system);
  told_log_source_ = log_source_();
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
