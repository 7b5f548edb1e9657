// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/near_limit_sampler.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <thread>
#include <utility>

#include "core/oom_cause.hpp"
#include "kernel/memory_stat.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::uint64_t kReach = 120;  // seconds of growth as fast as the node's change since the last look
constexpr std::int64_t kOverdue_us = 4 * base::kSecond_us;
constexpr std::size_t kLargest = 4;  // at most so many below an inner cgroup are sampled although they do not grow

}  // namespace

/// Of an inner cgroup only its own: those above it are followed themselves, and the machine's memory is nobody's limit.
std::optional<std::uint64_t> NearLimitSampler::limit_of(const Tracked& tracked) const {
  const core::Limits limits = tracked.limits();
  if (tracked.place.kind != core::CgroupKind::inner) return limits.effective_limit_bytes;
  return limits.limit_bytes == limits.effective_limit_bytes ? limits.limit_bytes : std::nullopt;
}

void NearLimitSampler::follow(Tracked& tracked, const core::Gauges& gauges, std::int64_t steady_us) const {
  if (const auto held_bytes = core::held_bytes(gauges)) {
    tracked.near_limit.follow(*held_bytes, limit_of(tracked), steady_us, bounds_.over_pct);
  }
}

void NearLimitSampler::forget() {
  near_.clear();
  inner_.clear();
  below_.clear();
  looked_below_at_us_ = 0;
}

void NearLimitSampler::end_scan(CgroupFinder::Cgroups& cgroups, std::int64_t steady_us) {
  forget();
  node_held_bytes_ = kernel::node_held_bytes();
  looked_at_us_ = steady_us;
  choose(cgroups);
}

const std::vector<Tracked*>& NearLimitSampler::find(std::int64_t steady_us, CgroupFinder& finder) {
  if (bounds_.max_count == 0) {
    forget();
  } else {
    check_others(steady_us, finder);
    if (inner_.empty()) {
      below_.clear();
    } else {
      look_below(steady_us, finder);
    }
  }
  return near_;
}

std::int64_t NearLimitSampler::sample_again_after_us() const {
  static const unsigned processor_count = std::thread::hardware_concurrency();
  const bool has_work = bounds_.max_count > 0 && !(near_.empty() && inner_.empty());
  const std::uint64_t headroom_bytes = bounds_.max_count > 0 ? smallest_headroom_bytes_ : UINT64_MAX;
  if (has_work && is_soon_) return core::kSoonEvery_us;
  return has_work ? core::kNearLimitEvery_us : core::check_again_after_us(headroom_bytes, processor_count);
}

/// Without a number for the node, as in a fake tree, all are read.
void NearLimitSampler::check_others(std::int64_t steady_us, CgroupFinder& finder) {
  const auto held_bytes = finder.hierarchy().real ? kernel::node_held_bytes() : std::nullopt;
  Change change{.bytes = UINT64_MAX, .is_fast = true};
  if (held_bytes && node_held_bytes_) {
    change.bytes = std::max(*node_held_bytes_, *held_bytes) - std::min(*node_held_bytes_, *held_bytes);
    const bool is_still = !core::is_worth_reading_all(*node_held_bytes_, *held_bytes, smallest_headroom_bytes_);
    if (is_still && steady_us - looked_at_us_ < kOverdue_us) return;
    change.is_fast = core::is_fast_growth(change.bytes, steady_us - looked_at_us_);
  }
  read_usage_of_others(change, steady_us, finder);
  choose(finder.cgroups());
  node_held_bytes_ = held_bytes;
  looked_at_us_ = steady_us;
}

/// A change of the node that could bring it to its limit soon is a reason to look at it; also that it was not looked at
/// for so long, because others may have given back what it took.
bool NearLimitSampler::is_due(const Tracked& tracked, const Change& change, std::int64_t steady_us) const {
  const auto headroom = tracked.near_limit.headroom_bytes();
  if (tracked.is_near_limit || !headroom) return false;
  const std::int64_t late_us = steady_us - tracked.near_limit.look_at_us();
  if (late_us >= kOverdue_us) return true;
  return *headroom / kReach <= change.bytes && (late_us >= 0 || change.is_fast);
}

/// Usage less the cache at the last sample is an estimate; where it alarms, all of the cgroup's numbers are read.
void NearLimitSampler::read_usage_of_others(const Change& change, std::int64_t steady_us, CgroupFinder& finder) const {
  std::int64_t read_count = 0;
  for (auto& [inode, tracked] : finder.cgroups()) {
    if (!is_due(tracked, change, steady_us)) continue;
    const auto usage = finder.controller().read_usage(tracked.cgroup);
    if (!usage) continue;
    core::NearLimit estimate = tracked.near_limit;
    estimate.follow(*usage - std::min(*usage, tracked.cache_bytes), limit_of(tracked), steady_us, bounds_.over_pct);
    tracked.near_limit.put_off_look(estimate);
    if (!estimate.is_near() || read_count++ >= bounds_.max_count) continue;
    try {
      const auto reading = finder.controller().read(tracked.cgroup);
      if (!reading) continue;
      tracked.cache_bytes = core::reclaimable_bytes(reading->sample.gauges);
      follow(tracked, reading->sample.gauges, steady_us);
    } catch (const std::exception&) {  // the next scan will tell
    }
  }
}

/// An inner cgroup is read here, but has no sample: that would be its remainder, for which all below it must be read.
/// Which of those below grow is looked at once a second, and not before its limit may be reached soon.
void NearLimitSampler::look_below(std::int64_t steady_us, CgroupFinder& finder) {
  const bool is_due = steady_us - looked_below_at_us_ >= core::kNearLimitEvery_us - core::kSoonEvery_us / 2;
  if (is_due) {
    below_.clear();
    looked_below_at_us_ = steady_us;
  }
  for (Tracked* const inner : inner_) {
    try {
      const auto reading = finder.controller().read(inner->cgroup, {.with_pressure = false, .with_peak = false});
      if (!reading) continue;
      inner->cache_bytes = core::reclaimable_bytes(reading->sample.gauges);
      follow(*inner, reading->sample.gauges, steady_us);
    } catch (const std::exception&) {  // the next scan will tell
    }
    if (is_due && inner->near_limit.may_be_full_soon()) choose_below(*inner, steady_us, finder);
  }
  choose(finder.cgroups());
}

void NearLimitSampler::choose_below(const Tracked& above, std::int64_t steady_us, CgroupFinder& finder) {
  struct Below {
    Tracked* tracked;
    std::uint64_t held_bytes;
    double rate;  // of growth since its last sample
  };
  std::vector<Below> found;
  for (auto& [inode, tracked] : finder.cgroups()) {
    if (tracked.has_remainder() || !tracked.cgroup.shared_path().is_below(above.cgroup.shared_path())) continue;
    const auto usage = finder.controller().read_usage(tracked.cgroup);
    if (!usage) continue;
    const std::uint64_t held_bytes = *usage - std::min(*usage, tracked.cache_bytes);
    found.push_back({&tracked, held_bytes, tracked.near_limit.rate_to(held_bytes, steady_us)});
  }
  const auto max_count = static_cast<std::size_t>(bounds_.max_count);
  const std::size_t largest_count = std::min({kLargest, max_count / 2, found.size()});
  std::ranges::sort(found, std::greater(), &Below::held_bytes);
  std::ranges::sort(found.begin() + static_cast<std::ptrdiff_t>(largest_count), found.end(), std::greater(),
                    &Below::rate);
  for (std::size_t i = 0; i < std::min(found.size(), max_count); ++i) {
    if (i >= largest_count && found[i].rate <= 0) break;
    below_.push_back({found[i].tracked, &above.near_limit});
  }
}

void NearLimitSampler::choose(CgroupFinder::Cgroups& cgroups) {
  near_.clear();
  inner_.clear();
  smallest_headroom_bytes_ = UINT64_MAX;
  std::vector<Choice> choices = below_;
  for (auto& [inode, tracked] : cgroups) {
    tracked.is_near_limit = false;
    const bool is_inner = tracked.place.kind == core::CgroupKind::inner;
    const bool is_near_inner = is_inner && tracked.near_limit.is_near();
    if (is_near_inner) inner_.push_back(&tracked);
    if (tracked.is_stuck() || (!is_inner && tracked.near_limit.is_near())) {
      choices.push_back({&tracked, &tracked.near_limit});
    } else if (const auto headroom = tracked.near_limit.headroom_bytes(); headroom && !is_near_inner) {
      smallest_headroom_bytes_ = std::min(smallest_headroom_bytes_, *headroom);
    }
  }
  const auto urgency = [](const Choice& one) {
    return std::pair(one.limit->time_to_limit_us(), one.limit->headroom_bytes());
  };
  std::ranges::stable_sort(choices, {}, urgency);
  is_soon_ = !choices.empty() && choices.front().limit->is_soon();
  for (const Choice& one : choices) {
    if (near_.size() >= static_cast<std::size_t>(bounds_.max_count)) break;
    if (!std::exchange(one.tracked->is_near_limit, true)) near_.push_back(one.tracked);
  }
  for (Tracked* const inner : inner_) inner->is_near_limit = true;
}

}  // namespace cgmm::daemon
