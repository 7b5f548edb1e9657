// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampler.hpp"

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

#include "core/oom_cause.hpp"
#include "daemon/clock.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::uint64_t kReach = 120;  // seconds of growth as fast as the node's change since the last look
constexpr std::int64_t kLimitsEvery_us = 60'000'000;  // a limit rarely moves; a reclaim reads it again anyway

}  // namespace

Sampler::Sampler(const kernel::Hierarchy& hierarchy, kernel::Watch watch, core::Policy policy,
                 std::unordered_map<core::CgroupId, std::uint64_t> oom_kills_total)
    : policy_(std::move(policy)), oom_kills_total_(std::move(oom_kills_total)) {
  set_hierarchy(hierarchy, watch);
}

void Sampler::set_hierarchy(const kernel::Hierarchy& hierarchy, kernel::Watch watch) {
  if (tree_ && tree_->hierarchy() == hierarchy && tree_->watch() == watch) {
    if (!controller_->root_is_current()) reopen();
    return;
  }
  auto controller = kernel::make_controller(hierarchy);
  auto tree = std::make_unique<kernel::Tree>(hierarchy, watch, tree_bounds_);
  if (tree_ && tree_->container_seen()) tree->remember_containers();
  entries_.clear();
  controller_ = std::move(controller);
  tree_ = std::move(tree);
  announce_all_ = true;
  complete_ = false;
}

void Sampler::set_max_cgroups(std::int64_t max_cgroups) {
  tree_bounds_.max_cgroups = static_cast<std::size_t>(max_cgroups);
  tree_->set_bounds(tree_bounds_);
}

/// The hierarchy was mounted anew, or is not mounted at all, and then this throws. A cgroup that is there under the same path and
/// inode is the same, with its counters and all that is known of it: the kernel keeps a v1 hierarchy that has cgroups while
/// nobody has it mounted.
void Sampler::reopen() {
  const kernel::Hierarchy hierarchy = kernel::open_hierarchy(tree_->hierarchy().parent);
  if (!(hierarchy == tree_->hierarchy())) return set_hierarchy(hierarchy, tree_->watch());
  auto controller = kernel::make_controller(hierarchy);
  std::unordered_map<std::uint64_t, Entry> kept;
  for (auto& [inode, entry] : entries_) {
    auto cgroup = controller->open(entry.cgroup.id());
    if (!cgroup) {
      if (entry.announced) lost_.push_back(entry.key);
      continue;
    }
    kept.emplace(inode, Entry{.key = entry.key,
                              .cgroup = std::move(*cgroup),
                              .settings = entry.settings,
                              .previous = entry.previous,
                              .limit_watch = entry.limit_watch,
                              .cache_bytes = entry.cache_bytes,
                              .sampled_at_us = entry.sampled_at_us,
                              .limits = entry.limits,
                              .hierarchical_limit_bytes = entry.hierarchical_limit_bytes,
                              .limits_read_at_us = entry.limits_read_at_us,
                              .limits_problem = entry.limits_problem,
                              .scan = entry.scan,
                              .announced = entry.announced,
                              .ever_over = entry.ever_over,
                              .watched = entry.watched});
  }
  entries_ = std::move(kept);
  controller_ = std::move(controller);  // after the cgroups that the one before opened
  complete_ = false;
}

void Sampler::set_policy(core::Policy policy) {
  policy_ = std::move(policy);
  for (auto& [inode, entry] : entries_) entry.settings = policy_.settings_for(entry.cgroup.id().path);
}

Sampler::Result Sampler::scan(std::int64_t now_us) {
  const std::int64_t began_us = steady_now_us();
  Result result;
  result.scan.started_at_us = now_us;
  ++scan_;
  bool saw_all = false;
  try {
    if (!controller_->root_is_current()) reopen();
    const bool watched_leaves = tree_->watches_leaves();
    const std::vector<kernel::WatchedCgroup>& watched = tree_->walk();
    if (tree_->watches_leaves() != watched_leaves) complete_ = false;
    result.scan.announces_all = std::exchange(announce_all_, false);
    if (result.scan.announces_all) {  // also of those that can't be read in this scan
      for (auto& [inode, entry] : entries_) entry.announced = false;
    }
    result.scan.rows.reserve(watched.size());
    for (std::int64_t i = 0; i < tree_->error_count(); ++i) note_error(result, tree_->first_error());
    for (const kernel::WatchedCgroup& cgroup : watched) sample(cgroup, result);
    saw_all = tree_->error_count() == 0;
    result.left_out_count = tree_->left_out_count();
  } catch (const std::exception& error) {
    result.parent_error = error.what();
    note_error(result, result.parent_error);
  }
  forget_unseen(result, saw_all);
  complete_ = saw_all && result.left_out_count == 0;
  node_held_bytes_ = node_memory_.held_bytes();
  choose_watched();
  scanned_at_us_ = now_us;
  result.scan.duration_us = steady_now_us() - began_us;
  result.scan.cpu_us = take_cpu_us();
  return result;
}

std::optional<Sampler::Result> Sampler::look(std::int64_t now_us) {
  if (bounds_.max_count == 0 || announce_all_) return std::nullopt;  // of cgroups that are on record
  const std::int64_t began_us = steady_now_us();
  const auto held_bytes = tree_->hierarchy().real ? node_memory_.held_bytes() : std::nullopt;
  // Without a number for the node, as of a tree that is not the kernel's, there is no way but to look.
  if (!held_bytes || !node_held_bytes_) {
    look_at_all(UINT64_MAX);
    node_held_bytes_ = held_bytes;
  } else if (core::worth_a_look(*node_held_bytes_, *held_bytes, smallest_headroom_bytes_)) {
    look_at_all(std::max(*node_held_bytes_, *held_bytes) - std::min(*node_held_bytes_, *held_bytes));
    node_held_bytes_ = held_bytes;
  }
  Result result;
  result.scan.started_at_us = now_us;
  result.scan.is_partial = true;
  for (auto& [inode, entry] : entries_) {
    if (!entry.watched || !entry.announced) continue;
    try {
      const auto reading = controller_->read(entry.cgroup);
      if (reading) take_row(entry, *reading, result);
    } catch (const std::exception& error) {
      note_error(result, error.what());
    }
  }
  if (result.scan.rows.empty()) return std::nullopt;
  choose_watched();
  result.scan.duration_us = steady_now_us() - began_us;
  result.scan.cpu_us = take_cpu_us();
  return result;
}

/// Those that are not sampled anyway, and that such a change of the node's memory could bring to their limit soon: their usage, less the
/// cache that they had. That is an estimate, for cache comes and goes: where it alarms, all of the cgroup's numbers are read.
void Sampler::look_at_all(std::uint64_t change_bytes) {
  std::int64_t read_count = 0;
  for (auto& [inode, entry] : entries_) {
    const auto headroom = entry.limit_watch.headroom_bytes();
    if (entry.watched || !headroom || *headroom / kReach > change_bytes) continue;
    const auto usage = controller_->read_usage(entry.cgroup);
    if (!usage) continue;
    core::LimitWatch estimate = entry.limit_watch;
    estimate.look(*usage - std::min(*usage, entry.cache_bytes), entry.limits.effective_limit_bytes, steady_now_us(),
                  bounds_.over_pct);
    if (!estimate.wanted() || read_count++ >= bounds_.max_count) continue;
    if (const auto reading = read_or_nothing(entry)) {
      entry.cache_bytes = core::reclaimable_cache_bytes(reading->sample.gauges);
      look_at_limit(entry, core::held_bytes(reading->sample.gauges));
    }
  }
  choose_watched();
}

/// Errors are the next scan's to tell.
std::optional<kernel::Reading> Sampler::read_or_nothing(Entry& entry) {
  try {
    return controller_->read(entry.cgroup);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void Sampler::look_at_limit(Entry& entry, std::optional<std::uint64_t> held_bytes) {
  if (held_bytes) {
    entry.limit_watch.look(*held_bytes, entry.limits.effective_limit_bytes, steady_now_us(), bounds_.over_pct);
  }
}

/// The most urgent ones, as many as may be.
void Sampler::choose_watched() {
  std::vector<Entry*> wanted;
  smallest_headroom_bytes_ = UINT64_MAX;
  for (auto& [inode, entry] : entries_) {
    entry.watched = false;
    if (entry.limit_watch.wanted()) {
      wanted.push_back(&entry);
    } else if (const auto headroom = entry.limit_watch.headroom_bytes()) {
      smallest_headroom_bytes_ = std::min(smallest_headroom_bytes_, *headroom);
    }
  }
  const auto urgency = [](const Entry* entry) {
    return std::pair(entry->limit_watch.time_to_limit_us(), entry->limit_watch.headroom_bytes());
  };
  const auto count = static_cast<std::ptrdiff_t>(std::min(wanted.size(), static_cast<std::size_t>(bounds_.max_count)));
  std::partial_sort(wanted.begin(), wanted.begin() + count, wanted.end(),
                    [&](const Entry* a, const Entry* b) { return urgency(a) < urgency(b); });
  for (Entry* const entry : std::span(wanted).first(static_cast<std::size_t>(count))) entry->watched = true;
}

std::int64_t Sampler::take_cpu_us() {
  const std::int64_t before_us = std::exchange(cpu_us_, thread_cpu_us());
  return std::max<std::int64_t>(cpu_us_ - before_us, 0);
}

void Sampler::sample(const kernel::WatchedCgroup& watched, Result& result) {
  try {
    Entry* const entry = find_or_open(watched);
    if (entry == nullptr) return;
    entry->scan = scan_;
    const auto reading = controller_->read(entry->cgroup);
    if (!reading) {
      entry->scan = scan_ - 1;  // gone between the walk and here
      return;
    }
    if (!reading->problem.empty()) note_error(result, reading->problem);
    take_row(*entry, *reading, result);
    if (!entry->limits_problem.empty()) note_error(result, entry->limits_problem);
  } catch (const std::exception& error) {
    note_error(result, error.what());
  }
}

/// nullptr when it vanished.
Sampler::Entry* Sampler::find_or_open(const kernel::WatchedCgroup& watched) {
  const auto known = entries_.find(watched.inode);
  // v1 lets a cgroup be renamed, which makes another of it; its old entry is found to be unseen at the end.
  if (known != entries_.end() && known->second.cgroup.id().path == *watched.path) return &known->second;
  if (known != entries_.end()) return nullptr;
  auto cgroup = controller_->open({*watched.path, watched.inode});
  if (!cgroup) return nullptr;
  Entry entry{.key = next_key_++, .cgroup = std::move(*cgroup), .settings = policy_.settings_for(*watched.path)};
  const auto total = oom_kills_total_.find(entry.cgroup.id());
  if (total != oom_kills_total_.end()) {
    entry.previous.set(core::Counter::oom_kills, total->second);
    oom_kills_total_.erase(total);
  } else if (complete_) {
    entry.previous.set(core::Counter::oom_kills, 0);  // the last scan would have seen it: it is younger than that
    entry.sampled_at_us = scanned_at_us_;
  }
  return &entries_.emplace(watched.inode, std::move(entry)).first->second;
}

void Sampler::take_row(Entry& entry, const kernel::Reading& reading, Result& result) {
  const bool announce = !std::exchange(entry.announced, true);
  if (announce) {
    const std::string& path = entry.cgroup.id().path;
    result.scan.appeared.push_back({entry.key, entry.cgroup.id(), tree_->container_of(path)});
  }
  if (refresh_limits(entry, reading, result.scan.started_at_us) || announce) {
    result.scan.limits.push_back({entry.key, entry.limits});
  }
  const core::MemorySample& now = reading.sample;
  core::ScanRow& row = result.scan.rows.emplace_back();
  row.key = entry.key;
  row.gauges = now.gauges;
  row.increases = core::increase(entry.previous, now.counters);
  row.oom_kills_total = now.counters[core::Counter::oom_kills];
  for (std::size_t i = 0; i < core::Counters::kSize; ++i) {  // one that can't be read now is compared with its last value
    const auto counter = static_cast<core::Counter>(i);
    if (const auto value = now.counters[counter]) entry.previous.set(counter, *value);
  }
  if (const auto kill_count = row.increases.value_or(core::Counter::oom_kills, 0); kill_count > 0) {
    result.oom_kills.push_back({.id = entry.cgroup.id(),
                                .since_at_us = entry.sampled_at_us,
                                .at_us = result.scan.started_at_us,
                                .count = kill_count});
  }
  entry.sampled_at_us = result.scan.started_at_us;
  entry.cache_bytes = core::reclaimable_cache_bytes(now.gauges);
  look_at_limit(entry, core::held_bytes(now.gauges));
  if (result.scan.is_partial) return;
  if (core::over_threshold(now.gauges, entry.limits.effective_limit_bytes, entry.settings)) {
    entry.ever_over = true;
    result.candidates.push_back(
        {entry.cgroup.id(), now.gauges, entry.limits.effective_limit_bytes, entry.settings});
  }
  if (entry.ever_over) result.sightings.push_back(core::sighting_of(entry.cgroup.id().inode, now));
}

void Sampler::take_back(const core::Scan& scan) {
  announce_all_ = true;
  std::unordered_map<core::CgroupKey, Entry*> by_key;
  for (auto& [inode, entry] : entries_) by_key.emplace(entry.key, &entry);
  for (const core::ScanRow& row : scan.rows) {
    const auto found = by_key.find(row.key);
    if (found == by_key.end()) continue;
    core::Counters& previous = found->second->previous;
    for (std::size_t i = 0; i < core::Counters::kSize; ++i) {
      const auto counter = static_cast<core::Counter>(i);
      if (counter == core::Counter::oom_kills) continue;  // kills have been told apart from the scan
      if (const auto increase = row.increases[counter]) previous.set(counter, previous.value_or(counter, 0) - *increase);
    }
  }
}

/// Whether they have changed. One that can't be read is taken to be what it was.
bool Sampler::refresh_limits(Entry& entry, const kernel::Reading& reading, std::int64_t now_us) {
  const bool moved = reading.hierarchical_limit_bytes != entry.hierarchical_limit_bytes;
  const std::int64_t age_us = entry.limits_read_at_us ? now_us - *entry.limits_read_at_us : kLimitsEvery_us;
  const bool is_fresh = age_us >= 0 && age_us < kLimitsEvery_us;  // a negative age: the clock was set back
  if (!moved && is_fresh && entry.limits_problem.empty()) return false;
  entry.hierarchical_limit_bytes = reading.hierarchical_limit_bytes;
  const bool first = !std::exchange(entry.limits_read_at_us, now_us);
  entry.limits_problem.clear();
  const core::Limits limits = controller_->read_limits(entry.cgroup, reading, entry.limits_problem);
  if (!entry.limits_problem.empty() && !first) return false;
  return std::exchange(entry.limits, limits) != limits;
}

void Sampler::forget_unseen(Result& result, bool saw_all) {
  result.scan.vanished = std::exchange(lost_, {});
  std::erase_if(entries_, [&](const auto& entry) {
    if (entry.second.scan == scan_) return false;
    if (!saw_all && !entry.second.cgroup.is_gone()) return false;
    if (entry.second.announced) result.scan.vanished.push_back(entry.second.key);
    return true;
  });
}

void Sampler::note_error(Result& result, const std::string& error) {
  if (result.scan.error_count++ == 0) result.first_error = error;
}

}  // namespace cgmm::daemon
