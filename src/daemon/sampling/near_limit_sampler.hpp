// SPDX-License-Identifier: Apache-2.0
#pragma once

// Near-limit sampling: samples the cgroups that are near their limit, or stuck, between two scans, and notices others
// that get there. Of these it reads the usage: not before they could be near it, and only while the node's memory
// moves. Where the limit of an inner cgroup is near, those below it are sampled that grow most, and the largest ones:
// the kernel may kill in any of them. One thread.

#include <cstdint>
#include <optional>
#include <vector>

#include "core/near_limit.hpp"
#include "daemon/sampling/cgroup_finder.hpp"

namespace cgmm::daemon {

class NearLimitSampler {
 public:
  void set_bounds(const core::NearLimitBounds& bounds) { bounds_ = bounds; }

  /// After a full reading of the cgroup, with those below it.
  void follow(Tracked& tracked, const core::Gauges& gauges, std::int64_t steady_us) const;
  /// After a scan: which cgroups are sampled until the next one.
  void end_scan(CgroupFinder::Cgroups& cgroups, std::int64_t steady_us);
  /// The cgroups that were chosen may be gone.
  void forget();

  /// Between two scans: the cgroups that are to be sampled now.
  const std::vector<Tracked*>& find(std::int64_t steady_us, CgroupFinder& finder);
  /// They have been sampled. Of those near their limit the most urgent ones are next, as many as may be.
  void choose(CgroupFinder::Cgroups& cgroups);
  /// When find() should be called next.
  std::int64_t sample_again_after_us() const;

 private:
  /// What of the node's memory has changed since the others were looked at.
  struct Change {
    std::uint64_t bytes = 0;
    bool is_fast = false;  // one of them may have grown faster than core::kFastGrowth
  };
  /// A cgroup to be sampled, and whose limit is near.
  struct Choice {
    Tracked* tracked;
    const core::NearLimit* limit;
  };
  std::optional<std::uint64_t> limit_of(const Tracked& tracked) const;
  void check_others(std::int64_t steady_us, CgroupFinder& finder);
  bool is_due(const Tracked& tracked, const Change& change, std::int64_t steady_us) const;
  void read_usage_of_others(const Change& change, std::int64_t steady_us, CgroupFinder& finder) const;
  void look_below(std::int64_t steady_us, CgroupFinder& finder);
  void choose_below(const Tracked& above, std::int64_t steady_us, CgroupFinder& finder);

  core::NearLimitBounds bounds_;
  std::optional<std::uint64_t> node_held_bytes_;  // when they were looked at last
  std::int64_t looked_at_us_ = 0;
  std::vector<Tracked*> near_;   // those that are sampled
  std::vector<Tracked*> inner_;  // inner cgroups near their limit: those below them are sampled instead
  std::vector<Choice> below_;    // these
  std::int64_t looked_below_at_us_ = 0;
  bool is_soon_ = false;                       // one of them reaches its limit soon
  std::uint64_t smallest_headroom_bytes_ = 0;  // of the others
};

}  // namespace cgmm::daemon
