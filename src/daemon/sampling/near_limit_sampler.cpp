// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/near_limit_sampler.hpp"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "core/oom_cause.hpp"
#include "kernel/memory_stat.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::uint64_t kReach = 120;  // seconds of growth as fast as the node's change since the last look
constexpr std::int64_t kOverdue_us = 4 * base::kSecond_us;

}  // namespace

void NearLimitSampler::follow(Tracked& tracked, const core::Gauges& gauges, std::int64_t steady_us) const {
  if (const auto held_bytes = core::held_bytes(gauges)) {
    tracked.near_limit.follow(*held_bytes, tracked.limits().effective_limit_bytes, steady_us, bounds_.over_pct);
  }
}

void NearLimitSampler::end_scan(CgroupFinder::Cgroups& cgroups, std::int64_t steady_us) {
  node_held_bytes_ = kernel::node_held_bytes();
  looked_at_us_ = steady_us;
  choose(cgroups);
}

const std::vector<Tracked*>& NearLimitSampler::find(std::int64_t steady_us, CgroupFinder& finder) {
  if (bounds_.max_count == 0) {
    forget();
  } else {
    check_others(steady_us, finder);
  }
  return near_;
}

std::int64_t NearLimitSampler::sample_again_after_us() const {
  static const unsigned processor_count = std::thread::hardware_concurrency();
  const bool has_work = bounds_.max_count > 0 && !near_.empty();
  const std::uint64_t headroom_bytes = bounds_.max_count > 0 ? smallest_headroom_bytes_ : UINT64_MAX;
  if (has_work && near_.front()->near_limit.is_soon()) return core::kSoonEvery_us;
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
    estimate.follow(*usage - std::min(*usage, tracked.cache_bytes), tracked.limits().effective_limit_bytes, steady_us,
                    bounds_.over_pct);
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

void NearLimitSampler::choose(CgroupFinder::Cgroups& cgroups) {
  forget();
  smallest_headroom_bytes_ = UINT64_MAX;
  for (auto& [inode, tracked] : cgroups) {
    tracked.is_near_limit = false;
    if (tracked.near_limit.is_near() || tracked.is_stuck()) {
      near_.push_back(&tracked);
    } else if (const auto headroom = tracked.near_limit.headroom_bytes()) {
      smallest_headroom_bytes_ = std::min(smallest_headroom_bytes_, *headroom);
    }
  }
  const auto urgency = [](const Tracked* tracked) {
    return std::pair(tracked->near_limit.time_to_limit_us(), tracked->near_limit.headroom_bytes());
  };
  std::ranges::sort(near_, {}, urgency);
  if (near_.size() > static_cast<std::size_t>(bounds_.max_count))
    near_.resize(static_cast<std::size_t>(bounds_.max_count));
  for (Tracked* const tracked : near_) tracked->is_near_limit = true;
}

}  // namespace cgmm::daemon
