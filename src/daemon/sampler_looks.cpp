// SPDX-License-Identifier: Apache-2.0
// What the sampler does between two scans: it watches those that are near their limit, and looks for others that get
// there.

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

#include "core/oom_cause.hpp"
#include "daemon/clock.hpp"
#include "daemon/sampler.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::uint64_t kReach = 120;  // seconds of growth as fast as the node's change since the last look

}  // namespace

std::optional<Sampler::Result> Sampler::look(std::int64_t now_us) {
  if (bounds_.max_count == 0) return std::nullopt;
  now_us_ = steady_now_us();
  controller_->begin_pass();
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
  for (Entry* const entry : watched()) {
    try {
      const auto reading = controller_->read(entry->cgroup);
      if (reading) take_row(*entry, *reading, result);
    } catch (const std::exception& error) {
      note_error(result, error.what());
    }
  }
  if (result.scan.rows.empty()) return std::nullopt;
  choose_watched_of_all();
  result.scan.duration_us = steady_now_us() - now_us_;
  result.scan.cpu_us = take_cpu_us();
  return result;
}

std::int64_t Sampler::look_again_after_us() const {
  const bool is_urgent = bounds_.max_count > 0 && !wanted_.empty();
  return is_urgent ? core::kWatchEvery_us : core::look_again_after_us(smallest_headroom_bytes_, processor_count_);
}

/// Those that are not sampled anyway, and that such a change of the node's memory could bring to their limit soon:
/// their usage, less the cache that they had. That is an estimate, for cache comes and goes: where it alarms, all of
/// the cgroup's numbers are read.
void Sampler::look_at_all(std::uint64_t change_bytes) {
  std::int64_t read_count = 0;
  for (auto& [inode, entry] : entries_) {
    const auto headroom = entry.limit_watch.headroom_bytes();
    if (entry.watched || !headroom || *headroom / kReach > change_bytes) continue;
    const auto usage = controller_->read_usage(entry.cgroup);
    if (!usage) continue;
    core::LimitWatch estimate = entry.limit_watch;
    estimate.look(*usage - std::min(*usage, entry.cache_bytes), entry.limits().effective_limit_bytes, now_us_,
                  bounds_.over_pct);
    if (!estimate.wanted() || read_count++ >= bounds_.max_count) continue;
    if (const auto reading = read_or_nothing(entry)) {
      entry.cache_bytes = core::reclaimable_cache_bytes(reading->sample.gauges);
      look_at_limit(entry, core::held_bytes(reading->sample.gauges));
    }
  }
  choose_watched_of_all();
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
    entry.limit_watch.look(*held_bytes, entry.limits().effective_limit_bytes, now_us_, bounds_.over_pct);
  }
}

void Sampler::consider(Entry& entry) {
  entry.watched = false;
  if (entry.limit_watch.wanted()) {
    wanted_.push_back(&entry);
  } else if (const auto headroom = entry.limit_watch.headroom_bytes()) {
    smallest_headroom_bytes_ = std::min(smallest_headroom_bytes_, *headroom);
  }
}

void Sampler::choose_watched_of_all() {
  forget_wanted();
  smallest_headroom_bytes_ = UINT64_MAX;
  for (auto& [inode, entry] : entries_) consider(entry);
  choose_watched();
}

void Sampler::forget_wanted() {
  wanted_.clear();
  watched_count_ = 0;
}

/// Of those wanted the most urgent ones, as many as may be.
void Sampler::choose_watched() {
  const auto urgency = [](const Entry* entry) {
    return std::pair(entry->limit_watch.time_to_limit_us(), entry->limit_watch.headroom_bytes());
  };
  watched_count_ = std::min(wanted_.size(), static_cast<std::size_t>(bounds_.max_count));
  std::partial_sort(wanted_.begin(), wanted_.begin() + static_cast<std::ptrdiff_t>(watched_count_), wanted_.end(),
                    [&](const Entry* a, const Entry* b) { return urgency(a) < urgency(b); });
  for (Entry* const entry : watched()) entry->watched = true;
}

}  // namespace cgmm::daemon
