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

constexpr std::uint64_t kReach = 120;  // seconds of growth as fast as the node's change since all were read

}  // namespace

void NearLimitSampler::follow(Tracked& tracked, const core::Gauges& gauges, std::int64_t steady_us) const {
  if (const auto held_bytes = core::held_bytes(gauges)) {
    tracked.near_limit.follow(*held_bytes, tracked.limits().effective_limit_bytes, steady_us, bounds_.over_pct);
  }
}

void NearLimitSampler::end_scan(CgroupFinder::Cgroups& cgroups) {
  node_held_bytes_ = kernel::node_held_bytes();
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
  return has_work ? core::kNearLimitEvery_us : core::check_again_after_us(headroom_bytes, processor_count);
}

/// Without a number for the node, as in a fake tree, all are read.
void NearLimitSampler::check_others(std::int64_t steady_us, CgroupFinder& finder) {
  const auto held_bytes = finder.hierarchy().real ? kernel::node_held_bytes() : std::nullopt;
  if (held_bytes && node_held_bytes_ &&
      !core::is_worth_reading_all(*node_held_bytes_, *held_bytes, smallest_headroom_bytes_)) {
    return;
  }
  const std::uint64_t change_bytes = held_bytes && node_held_bytes_ ? std::max(*node_held_bytes_, *held_bytes) -
                                                                          std::min(*node_held_bytes_, *held_bytes)
                                                                    : UINT64_MAX;
  read_usage_of_others(change_bytes, steady_us, finder);
  choose(finder.cgroups());
  node_held_bytes_ = held_bytes;
}

/// Of the cgroups that are not sampled anyway, and that such a change could bring to their limit soon. Usage less the
/// cache at the last sample is an estimate; where it alarms, all of the cgroup's numbers are read.
void NearLimitSampler::read_usage_of_others(std::uint64_t change_bytes, std::int64_t steady_us,
                                            CgroupFinder& finder) const {
  std::int64_t read_count = 0;
  for (auto& [inode, tracked] : finder.cgroups()) {
    const auto headroom = tracked.near_limit.headroom_bytes();
    if (tracked.is_near_limit || !headroom || *headroom / kReach > change_bytes) continue;
    const auto usage = finder.controller().read_usage(tracked.cgroup);
    if (!usage) continue;
    core::NearLimit estimate = tracked.near_limit;
    estimate.follow(*usage - std::min(*usage, tracked.cache_bytes), tracked.limits().effective_limit_bytes, steady_us,
                    bounds_.over_pct);
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
