// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/scan_loop.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <ranges>
#include <string>
#include <utility>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "core/inventory.hpp"
#include "daemon/clock.hpp"
#include "kernel/kernel_log.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::size_t kNamed = 20;  // more than that in one scan are only counted in the log

constexpr std::size_t kGoneNamed = 5;  // and how many more

void log_kills(const std::vector<core::CountedOomKills>& oom_kills, const CgroupNames& names) {
  if (oom_kills.size() > kNamed) {
    spdlog::info("the counters of OOM kills rose in {} cgroups", oom_kills.size());
    return;
  }
  for (const core::CountedOomKills& kills : oom_kills) {
    spdlog::info("the counter of OOM kills rose by {} in {}", kills.count, names.of(kills.id.path));
  }
}

void log_stuck(const std::vector<std::string>& news) {
  for (std::size_t i = 0; i < std::min(news.size(), kNamed); ++i)
    spdlog::warn("{}", base::escape_for_terminal(news[i]));
  if (news.size() > kNamed) spdlog::warn("and {} more cgroups that are stuck, or no longer", news.size() - kNamed);
}

/// "gone: shop/web-7d9c5b8f6d-x2x4z/app"; of many the first, and how many more.
void log_gone(const std::vector<std::string>& gone, CgroupNames& names) {
  if (gone.empty()) return;
  std::string text;
  for (const std::string& path : gone | std::views::take(kGoneNamed)) {
    text += (text.empty() ? "" : ", ") + names.of(path);
  }
  if (gone.size() > kGoneNamed) text += " and " + std::to_string(gone.size() - kGoneNamed) + " more";
  spdlog::info("gone: {}", text);
  for (const std::string& path : gone) names.forget(path);
}

/// What there is, once; then what is new and gone.
void log_scan(const Sampler::Result& result, bool is_first, core::ReclaimScope scope, CgroupNames& names) {
  if (is_first) {
    core::Inventory inventory;
    for (const core::CgroupRef& one : result.appeared) inventory.add(one->kind, one->container());
    spdlog::info("found {}; reclaimed when due: {}", inventory.to_string(),
                 core::what_is_reclaimed(scope, result.has_containers));
  }
  if (result.appeared.size() <= kNamed) {
    for (const core::CgroupRef& one : result.appeared) {
      spdlog::info("new cgroup: {}", names.of(one->id.path.string()));
    }
  } else {
    spdlog::info("{} new cgroups", result.appeared.size());
  }
  log_gone(result.gone, names);
  log_kills(result.oom_kills, names);
  log_stuck(result.stuck_news);
  spdlog::debug("scan: {} cgroups, {} errors, {} over their threshold, {}", result.scan.rows.size(),
                result.scan.error_count, result.candidates.size(), base::format_duration_us(result.scan.duration_us));
}

/// What a service that has no history would do now.
std::string first_start_in_words(const Sampler::Result& first, const Settings& settings) {
  std::size_t count = 0;
  std::uint64_t most_bytes = 0;
  bool is_now = false;
  for (const auto* const some : {&first.candidates, &first.left_alone}) {
    for (const core::Candidate& one : *some) {
      if (!core::may_reclaim(one, settings.policy.scope, first.has_containers)) continue;
      ++count;
      most_bytes += core::first_dose_bytes(one, settings.policy.learning);
      is_now = is_now || some == &first.candidates;
    }
  }
  const std::string over = "first start, with an empty history: " +
                           (count == 0 ? "no cgroup is" : base::counted(count, "cgroup is", "cgroups are")) +
                           " over its threshold now";
  if (count == 0) return over + ": nothing is to be reclaimed yet";
  if (settings.dry_run)
    return over + "; the first reclaims would take up to " + base::format_bytes(most_bytes) +
           " of page cache (dry run)";
  const std::string when = is_now ? "now" : "after the next scan, in " + base::duration_setting(settings.interval_us);
  return over + "; the first reclaims may begin " + when + ", and take up to " + base::format_bytes(most_bytes) +
         " of page cache";
}

}  // namespace

ScanLoop::ScanLoop(Sampler sampler, Settings settings, std::string version, Channels channels)
    : sampler_(std::move(sampler)),
      settings_(std::move(settings)),
      version_(std::move(version)),
      to_(channels),
      faults_(to_.queue, to_.board) {
  sampler_.set_near_limit_bounds(settings_.near_limit);
  sampler_.set_max_cgroups(settings_.max_cgroups);
  push_node_facts();
}

void ScanLoop::run(std::optional<std::int64_t> cycles) {
  to_.board.set_sampler_at_us(steady_now_us());  // every five seconds at least, whatever the interval
  Schedule schedule(steady_now_us(), settings_.interval_us);
  const Clocks clocks;
  std::int64_t sample_at_us = steady_now_us() + core::kNearLimitEvery_us;
  while (wait_until_due(std::min(schedule.due_us(), sample_at_us))) {
    to_.board.set_sampler_at_us(steady_now_us());
    tick(clocks);
    apply_changes(schedule);
    if (const std::int64_t now_us = steady_now_us(); now_us < schedule.due_us()) {  // else it was woken for the changes
      if (now_us < sample_at_us) continue;
      if (schedule.due_us() - now_us > core::kNearLimitEvery_us / 2) sample_near_limit();
      sample_at_us = now_us + sampler_.sample_again_after_us();
      continue;
    }
    const std::int64_t began_us = steady_now_us();
    scan_once(schedule.begin(began_us));
    sample_at_us = began_us + sampler_.sample_again_after_us();
    if (cycles && scan_count_ >= *cycles) {
      to_.board.set_sampler_at_us(0);
      wait_until_idle();
      tell_first_start();
      return;
    }
  }
}

/// False when the service stops. Changed settings end the wait early.
bool ScanLoop::wait_until_due(std::int64_t due_us) {
  base::Lock lock(mutex_);
  const auto due = std::chrono::steady_clock::time_point(std::chrono::microseconds(due_us));
  wake_.wait_until(lock, due, [&]() CGMM_REQUIRES(mutex_) { return is_stopping_ || changed_; });
  return !is_stopping_;
}

void ScanLoop::change(Settings settings) {
  {
    const base::Lock lock(mutex_);
    changed_ = std::move(settings);
  }
  wake_.notify_all();
}

void ScanLoop::learn(std::vector<core::NamesOf> news) {
  const base::Lock lock(mutex_);
  names_.insert(names_.end(), std::make_move_iterator(news.begin()), std::make_move_iterator(news.end()));
}

std::vector<core::NamesOf> ScanLoop::take_names() {
  const base::Lock lock(mutex_);
  return std::exchange(names_, {});
}

void ScanLoop::stop() {
  {
    const base::Lock lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
}

void ScanLoop::tick(const Clocks& clocks) {
  tell_first_start();
  if (to_.board.kernel_log() != told_log_source_) push_node_facts();
  faults_.follow_clocks(clocks);
  faults_.follow_reclaimer(clocks, settings_.policy.bounds.timeout_us);
}

void ScanLoop::scan_once(const Schedule::Start& start) {
  const std::int64_t began_us = steady_now_us();
  sampler_.learn(take_names());
  Sampler::Result result = sampler_.scan(wall_now_us());
  result.scan.late_us = start.late_us;
  ++scan_count_;
  log_scan(result, scan_count_ == 1, settings_.policy.scope, to_.queue.names());
  if (scan_count_ == 1) first_start_ = first_start_in_words(result, settings_);
  tell_first_start();
  if (result.has_containers && !std::exchange(containers_seen_, true)) push_node_facts();
  faults_.after_scan(result, wall_now_us());
  if (start.missed_count > 0) {
    spdlog::warn("{} scans were missed: the one before took too long, or nobody let it run", start.missed_count);
    event("gap", std::to_string(start.missed_count) + " scans were missed, this one is " +
                     base::format_duration_us(start.late_us) + " late");
  }
  to_.candidates.put({.hierarchy = sampler_.hierarchy(),
                      .cgroups = std::move(result.candidates),
                      .dry_run = settings_.dry_run,
                      .sightings = std::move(result.sightings),
                      .seen_at_us = began_us,
                      .bounds = settings_.policy.bounds,
                      .learning = settings_.policy.learning,
                      .scope = settings_.policy.scope,
                      .containers_seen = containers_seen_});
  result.scan.interval_us = settings_.interval_us;
  to_.queue.push_scan(std::move(result.scan), std::move(result.oom_kills));
}

void ScanLoop::sample_near_limit() {
  auto result = sampler_.sample_near_limit(wall_now_us());
  if (!result) return;
  result->scan.interval_us = settings_.interval_us;
  log_kills(result->oom_kills, to_.queue.names());
  log_stuck(result->stuck_news);
  spdlog::debug("near their limit: {} cgroups, {}", result->scan.rows.size(),
                base::format_duration_us(result->scan.duration_us));
  to_.queue.push_scan(std::move(result->scan), std::move(result->oom_kills));
}

void ScanLoop::apply_changes(Schedule& schedule) {
  std::optional<Settings> changed;
  {
    const base::Lock lock(mutex_);
    changed = std::exchange(changed_, std::nullopt);
  }
  if (!changed) return;
  const std::string parent = std::exchange(changed->parent, settings_.parent);
  settings_ = std::move(*changed);
  sampler_.set_policy(settings_.policy);
  sampler_.set_near_limit_bounds(settings_.near_limit);
  sampler_.set_max_cgroups(settings_.max_cgroups);
  schedule.set_interval(steady_now_us(), settings_.interval_us);
  try {
    const kernel::Hierarchy hierarchy = hierarchy_for(parent);
    containers_seen_ = containers_seen_ && hierarchy == sampler_.hierarchy();
    sampler_.set_hierarchy(hierarchy);
    settings_.parent = parent;
  } catch (const std::exception& error) {
    spdlog::error("the parent stays {}: {}", base::escape_for_terminal(sampler_.hierarchy().parent),
                  base::escape_for_terminal(error.what()));
  }
  push_node_facts();
}

/// Once the history is open.
void ScanLoop::tell_first_start() {
  if (first_start_.empty()) return;
  const std::optional<bool> is_first = to_.board.is_first_run();
  if (!is_first) return;
  if (*is_first) {
    spdlog::info("{}", first_start_);
    if (!settings_.dry_run) spdlog::info("to only record, set dry_run = true in the configuration, and reload");
  }
  first_start_.clear();
}

/// After the last cycle: what was found due is still reclaimed. A signal ends the wait.
void ScanLoop::wait_until_idle() {
  base::Lock lock(mutex_);
  while (!is_stopping_ && !to_.candidates.idle()) wake_.wait_for(lock, std::chrono::milliseconds{5});
}

void ScanLoop::event(std::string kind, std::string detail) {
  to_.queue.push(core::ServiceEvent{wall_now_us(), std::move(kind), std::move(detail)});
}

void ScanLoop::push_node_facts() {
  const kernel::Hierarchy& hierarchy = sampler_.hierarchy();
  to_.board.set_hierarchy(hierarchy);
  struct utsname system{};
  ::uname(&system);
  told_log_source_ = to_.board.kernel_log();
  core::Parameters facts{{"version", version_},
                         {"node", std::string(system.nodename)},
                         {"kernel", std::string(system.release)},
                         {"hierarchy", std::string(kernel::to_string(hierarchy.version))},
                         {"parent", hierarchy.parent},
                         {"page_size_bytes", static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE))},
                         {"memory_bytes", static_cast<std::int64_t>(hierarchy.memory_bytes)},
                         {"kernel_log", told_log_source_},
                         {"interval_us", settings_.interval_us},
                         {"observe_for_us", settings_.policy.learning.observe_for_us}};
  if (containers_seen_) facts["containers_seen_below"] = hierarchy.parent;
  try {
    facts["boot_id"] = kernel::KernelLog::boot_id();
  } catch (const std::exception& error) {
    spdlog::debug("which boot this is: {}", base::escape_for_terminal(error.what()));
  }
  to_.queue.push(core::NodeFacts{std::move(facts)});
}

}  // namespace cgmm::daemon
