// SPDX-License-Identifier: Apache-2.0
#pragma once

// Takes the scans, and between two of them samples the cgroups that are near their limit. Never touches the database,
// never writes to a cgroup, so that neither a stalled disk nor a slow reclaim can blind it. One thread.

#include <unistd.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "core/near_limit.hpp"
#include "core/policy.hpp"
#include "core/remainder.hpp"
#include "daemon/sampling/cgroup_finder.hpp"
#include "daemon/sampling/near_limit_sampler.hpp"

namespace cgmm::daemon {

class Sampler {
 public:
  using Result = PassResult;

  Sampler(const kernel::Hierarchy& hierarchy, core::Policy policy);

  /// One pass: every file of every tracked cgroup is read whose values can have changed. Errors of single cgroups, and
  /// a parent that can't be read, are counted, not thrown.
  Result scan(std::int64_t now_us);

  /// Between two scans: a partial scan of the cgroups that are near their limit; nullopt when there are none.
  std::optional<Result> sample_near_limit(std::int64_t now_us);
  /// What the recorder has found out of names: a rule by workload may decide for these cgroups from now on.
  void learn(std::vector<core::NamesOf> news);

  /// When sample_near_limit() should be called next.
  std::int64_t sample_again_after_us() const { return near_limit_.sample_again_after_us(); }

  void set_policy(core::Policy policy) {
    policy_ = std::move(policy);
    ++policy_number_;
  }
  void set_near_limit_bounds(const core::NearLimitBounds& bounds) { near_limit_.set_bounds(bounds); }
  /// How many cgroups are tracked at most; 20 000 until it is set.
  void set_max_cgroups(std::int64_t max_cgroups) { finder_.set_max_cgroups(max_cgroups); }
  /// As CgroupFinder::set_hierarchy().
  void set_hierarchy(const kernel::Hierarchy& hierarchy);

  const kernel::Hierarchy& hierarchy() const { return finder_.hierarchy(); }

 private:
  void read(Tracked& tracked, std::int64_t steady_us, Result& result);
  void read_with_those_below(Tracked& above, std::int64_t steady_us, Result& result);
  bool keep_remainder(Tracked& tracked, core::MemorySample& sample);
  void take_row(Tracked& tracked, const core::MemorySample& now, Result& result);
  void follow_stuck(Tracked& tracked, const core::MemorySample& now, Result& result) const;
  void keep_with_those_below(Tracked& tracked, std::int64_t steady_us, Result& result);
  void decide(Tracked& tracked, Result& result) const;
  static bool waits_for_names(Tracked& tracked, std::int64_t steady_us);
  void find_candidate(Tracked& tracked, const core::Gauges& now, const core::Counters& whole, std::int64_t steady_us,
                      Result& result);
  bool has_limit(const Tracked& tracked) const;
  kernel::ReadOptions options_for(const Tracked& tracked, const Result& result) const;
  void note_untold(const Tracked& tracked, Result& result);
  void refresh_limits(Tracked& tracked, const kernel::Reading& reading, std::int64_t now_us);
  void count_node_kills();
  void end_pass(Result& result, std::int64_t began_us);

  CgroupFinder finder_;
  NearLimitSampler near_limit_;
  core::Policy policy_;
  std::uint32_t policy_number_ = 1;
  core::Remainders remainders_;  // of this pass
  core::Exclusions exclusions_;  // of this scan
  std::uint64_t page_bytes_ = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::optional<std::uint64_t> node_oom_kills_;  // when the last scan began
  std::int64_t scanned_at_us_ = 0;               // when that was
  int scans_without_kill_ = 0;                   // so many began with nobody killed since the one before
  std::int64_t cpu_us_ = 0;                      // of this thread, up to the last pass
};

}  // namespace cgmm::daemon
