// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampler.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/oom_cause.hpp"
#include "daemon/clock.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kLimitsEvery_us = 60'000'000;           // a limit rarely moves; a reclaim reads it again anyway
constexpr std::int64_t kListEverythingEvery_us = 300'000'000;  // in case the kernel has not told of a change

/// Staggers periodic work by key: what was found at once is not due at once.
std::int64_t staggered_us(core::CgroupKey key, std::int64_t every_us) {
  constexpr std::int64_t kSteps = 60;
  return every_us / kSteps * (key % kSteps);
}

}  // namespace

Sampler::Sampler(const kernel::Hierarchy& hierarchy, kernel::Watch watch, core::Policy policy,
                 std::unordered_map<core::CgroupId, std::uint64_t> oom_kills_total)
    : policy_(std::move(policy)), oom_kills_total_(std::move(oom_kills_total)) {
  set_hierarchy(hierarchy, watch);
}

void Sampler::set_hierarchy(const kernel::Hierarchy& hierarchy, kernel::Watch watch) {
  if (tree_ && tree_->hierarchy() == hierarchy && tree_->watch() == watch) {
    if (controller_->root_is_current()) return;
    Result unused;  // whoever is gone is missing from the next scan
    reopen(unused);
    choose_watched_of_all();
    return;
  }
  auto controller = kernel::make_controller(hierarchy);
  auto tree = std::make_unique<kernel::Tree>(hierarchy, watch, tree_bounds_);
  if (tree_ && tree_->container_seen()) tree->remember_containers();
  entries_.clear();
  limits_problems_.clear();
  found_.clear();
  forget_wanted();
  found_in_walk_ = 0;
  controller_ = std::move(controller);
  tree_ = std::move(tree);
  complete_ = false;
}

void Sampler::set_max_cgroups(std::int64_t max_cgroups) {
  tree_bounds_.max_cgroups = static_cast<std::size_t>(max_cgroups);
  tree_->set_bounds(tree_bounds_);
}

/// The hierarchy was mounted anew, or is not mounted at all, and then this throws. A cgroup that is there under the
/// same path and inode is the same, with its counters and all that is known of it: the kernel keeps a v1 hierarchy that
/// has cgroups while nobody has it mounted.
void Sampler::reopen(Result& result) {
  const kernel::Hierarchy hierarchy = kernel::open_hierarchy(tree_->hierarchy().parent);
  if (!(hierarchy == tree_->hierarchy())) return set_hierarchy(hierarchy, tree_->watch());
  auto controller = kernel::make_controller(hierarchy);
  std::unordered_map<std::uint64_t, Entry> kept;
  for (auto& [inode, entry] : entries_) {
    auto cgroup = controller->open(entry.cgroup.shared_path(), inode);
    if (!cgroup) {
      if (entry.told) ++result.gone_count;
      limits_problems_.erase(entry.key);
      continue;
    }
    Entry& anew = kept.emplace(inode, Entry{.key = entry.key, .cgroup = std::move(*cgroup)}).first->second;
    anew.scan = entry.scan;
    anew.settings = entry.settings;
    anew.previous = entry.previous;
    anew.told = entry.told;
    anew.ever_over = entry.ever_over;
    anew.has_limits = entry.has_limits;
    anew.limit_watch = entry.limit_watch;
    anew.kills_counted_at_us = entry.kills_counted_at_us;
    anew.hierarchical_limit_bytes = entry.hierarchical_limit_bytes;
    anew.limits_read_at_us = entry.limits_read_at_us;
  }
  entries_ = std::move(kept);
  found_.clear();
  forget_wanted();
  found_in_walk_ = 0;
  controller_ = std::move(controller);  // after the cgroups that the one before opened
  complete_ = false;
}

void Sampler::set_policy(core::Policy policy) {
  policy_ = std::move(policy);
  settings_.clear();
  for (auto& [inode, entry] : entries_) entry.settings = settings_for(entry.cgroup.path());
}

std::uint32_t Sampler::settings_for(std::string_view path) {
  const core::ReclaimSettings settings = policy_.settings_for(path);
  const auto known = std::ranges::find(settings_, settings);
  const auto index = static_cast<std::uint32_t>(known - settings_.begin());
  if (known == settings_.end()) settings_.push_back(settings);
  return index;
}

Sampler::Result Sampler::scan(std::int64_t now_us) {
  now_us_ = steady_now_us();
  Result result;
  result.scan.started_at_us = now_us;
  ++scan_;
  bool saw_all = false;
  forget_wanted();
  smallest_headroom_bytes_ = UINT64_MAX;
  try {
    if (!controller_->root_is_current()) reopen(result);
    controller_->begin_pass();
    const bool watched_leaves = tree_->watches_leaves();
    const bool found_all = find_all(result);
    if (tree_->watches_leaves() != watched_leaves) complete_ = false;
    result.scan.rows.reserve(found_.size());
    for (std::int64_t i = 0; i < tree_->error_count(); ++i) note_error(result, tree_->first_error());
    for (Entry* const entry : found_) sample(*entry, result);
    if (!found_all) found_in_walk_ = 0;
    saw_all = tree_->error_count() == 0;
    result.left_out_count = tree_->left_out_count();
    result.unwatched_count = tree_->unwatched_count();
  } catch (const std::exception& error) {
    result.parent_error = error.what();
    note_error(result, result.parent_error);
  }
  forget_unseen(result, saw_all);
  complete_ = saw_all && result.left_out_count == 0;
  node_held_bytes_ = node_memory_.held_bytes();
  if (result.scan.rows.size() == entries_.size()) {
    choose_watched();
  } else {
    choose_watched_of_all();
  }
  scanned_at_us_ = now_us;
  result.scan.duration_us = steady_now_us() - now_us_;
  result.scan.cpu_us = take_cpu_us();
  return result;
}

/// Brings found_ up to date with the tree; false where one of it could not be opened.
bool Sampler::find_all(Result& result) {
  const bool everything = now_us_ >= list_everything_at_us_;
  if (everything) list_everything_at_us_ = now_us_ + kListEverythingEvery_us;
  const auto& watched = tree_->walk(everything ? kernel::Tree::Look::everything : kernel::Tree::Look::changes);
  if (tree_->walk_count() == found_in_walk_) return true;
  controller_->expect(watched.size());
  found_.clear();
  found_.reserve(watched.size());
  bool found_all = true;
  for (const kernel::WatchedCgroup& cgroup : watched) {
    try {
      Entry* const entry = find_or_open(cgroup);
      if (entry != nullptr) found_.push_back(entry);
      found_all = found_all && entry != nullptr;
    } catch (const std::exception& error) {
      note_error(result, error.what());
      found_all = false;
    }
  }
  found_in_walk_ = tree_->walk_count();
  return found_all;
}

std::int64_t Sampler::take_cpu_us() {
  const std::int64_t before_us = std::exchange(cpu_us_, thread_cpu_us());
  return std::max<std::int64_t>(cpu_us_ - before_us, 0);
}

void Sampler::sample(Entry& entry, Result& result) {
  try {
    const auto reading = controller_->read(entry.cgroup);
    if (!reading) {  // gone between the walk and here
      found_in_walk_ = 0;
      return;
    }
    entry.scan = scan_;
    if (!reading->problem.empty()) note_error(result, reading->problem);
    take_row(entry, *reading, result);
    consider(entry);
    if (limits_problems_.empty()) return;
    if (const auto problem = limits_problems_.find(entry.key); problem != limits_problems_.end())
      note_error(result, problem->second);
  } catch (const std::exception& error) {
    entry.scan = scan_;
    result.scan.unread.push_back(entry.key);
    note_error(result, error.what());
  }
}

/// nullptr when it vanished.
Sampler::Entry* Sampler::find_or_open(const kernel::WatchedCgroup& watched) {
  const auto known = entries_.find(watched.inode);
  // v1 lets a cgroup be renamed, which makes another of it; its old entry is found to be unseen at the end.
  if (known != entries_.end() && known->second.cgroup.shared_path() == watched.path) return &known->second;
  if (known != entries_.end()) return nullptr;
  auto cgroup = controller_->open(watched.path, watched.inode);
  if (!cgroup) return nullptr;
  Entry entry{.key = next_key_++, .cgroup = std::move(*cgroup), .settings = settings_for(watched.path.string())};
  const auto total = oom_kills_total_.empty() ? oom_kills_total_.end() : oom_kills_total_.find(entry.cgroup.id());
  if (total != oom_kills_total_.end()) {
    entry.previous.set(core::Counter::oom_kills, total->second);
    oom_kills_total_.erase(total);
  } else if (complete_) {
    entry.previous.set(core::Counter::oom_kills, 0);  // the last scan would have seen it: it is younger than that
    entry.kills_counted_at_us = scanned_at_us_;
  }
  return &entries_.emplace(watched.inode, std::move(entry)).first->second;
}

void Sampler::take_row(Entry& entry, const kernel::Reading& reading, Result& result) {
  const bool is_new = !entry.told;
  refresh_limits(entry, reading, result.scan.started_at_us);
  if (is_new) result.appeared.push_back(entry.told);
  const core::MemorySample& now = reading.sample;
  core::ScanRow& row = result.scan.rows.emplace_back();
  row.cgroup = entry.told;
  row.gauges = now.gauges;
  row.increases = core::increase(entry.previous, now.counters);
  row.oom_kills_total = now.counters[core::Counter::oom_kills];
  for (std::size_t i = 0; i < core::Counters::kSize;
       ++i) {  // one that can't be read now is compared with its last value
    const auto counter = static_cast<core::Counter>(i);
    if (const auto value = now.counters[counter]) entry.previous.set(counter, *value);
  }
  entry.cache_bytes = core::reclaimable_cache_bytes(now.gauges);
  if (const auto kill_count = row.increases.value_or(core::Counter::oom_kills, 0); kill_count > 0) {
    result.oom_kills.push_back(
        {.id = entry.cgroup.id(),
         .since_at_us = entry.kills_counted_at_us == 0 ? std::nullopt : std::optional(entry.kills_counted_at_us),
         .at_us = result.scan.started_at_us,
         .count = kill_count});
  }
  if (now.counters.has(core::Counter::oom_kills)) entry.kills_counted_at_us = result.scan.started_at_us;
  look_at_limit(entry, core::held_bytes(now.gauges));
  if (result.scan.is_partial) return;
  const auto limit_bytes = entry.told->limits.effective_limit_bytes;
  if (core::over_threshold(now.gauges, limit_bytes, settings_[entry.settings])) {
    entry.ever_over = true;
    result.candidates.push_back({entry.told->id, now.gauges, limit_bytes, settings_[entry.settings]});
  }
  if (entry.ever_over) result.sightings.push_back(core::sighting_of(entry.cgroup.inode(), now));
}

/// One that can't be read is taken to be what it was. Where one has changed, the cgroup's rows tell of it from now on.
void Sampler::refresh_limits(Entry& entry, const kernel::Reading& reading, std::int64_t now_us) {
  const bool moved = reading.hierarchical_limit_bytes != entry.hierarchical_limit_bytes;
  const std::int64_t age_us = now_us - entry.limits_read_at_us;
  const bool is_fresh =
      entry.has_limits && age_us >= 0 && age_us < kLimitsEvery_us;  // a negative age: the clock was set back
  const bool had_problem = !limits_problems_.empty() && limits_problems_.contains(entry.key);
  if (!moved && is_fresh && !had_problem) return;
  entry.hierarchical_limit_bytes = reading.hierarchical_limit_bytes;
  const bool first = !std::exchange(entry.has_limits, true);
  entry.limits_read_at_us = now_us - (first && tree_->hierarchy().real ? staggered_us(entry.key, kLimitsEvery_us) : 0);
  std::string problem;
  const core::Limits limits = controller_->read_limits(entry.cgroup, reading, problem);
  if (had_problem) limits_problems_.erase(entry.key);
  if (!problem.empty()) limits_problems_.emplace(entry.key, problem);
  if (entry.told && (!problem.empty() || entry.told->limits == limits)) return;
  entry.told = std::make_shared<core::TrackedCgroup>(
      core::TrackedCgroup{.key = entry.key,
                          .id = entry.cgroup.id(),
                          .parent_length = static_cast<std::uint32_t>(tree_->hierarchy().parent_path.size()),
                          .limits = limits});
}

void Sampler::forget_unseen(Result& result, bool saw_all) {
  if (saw_all && result.scan.rows.size() == entries_.size()) return;
  std::erase_if(entries_, [&](const auto& entry) {
    if (entry.second.scan == scan_) return false;
    if (!saw_all && !entry.second.cgroup.is_gone()) {
      result.scan.unread.push_back(entry.second.key);
      return false;
    }
    if (entry.second.told) ++result.gone_count;
    limits_problems_.erase(entry.second.key);
    found_in_walk_ = 0;
    return true;
  });
}

void Sampler::note_error(Result& result, const std::string& error) {
  if (result.scan.error_count++ == 0) result.first_error = error;
}

}  // namespace cgmm::daemon
