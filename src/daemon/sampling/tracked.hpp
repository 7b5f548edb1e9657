// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the sampler remembers of a cgroup from one scan to the next, and what one pass over the cgroups has found. One
// thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/effect.hpp"
#include "core/near_limit.hpp"
#include "core/policy.hpp"
#include "core/records.hpp"
#include "kernel/control_file.hpp"

namespace cgmm::daemon {

/// A node may have thousands of these.
struct Tracked {
  kernel::Cgroup cgroup;
  core::CgroupKey key = 0;
  core::CgroupRef told;              // in its rows; null before the first one
  bool is_seen = false;              // by this scan
  bool ever_over = false;            // its threshold
  bool is_near_limit = false;        // sampled between two scans
  std::uint32_t policy = 0;          // the number of the policy that `rule` is of; 0: not looked for yet
  const core::Rule* rule = nullptr;  // which decides; null: none
  core::Counters previous;           // as last known
  std::uint64_t cache_bytes = 0;     // that could be dropped, at the last sample
  core::NearLimit near_limit;
  std::int64_t kills_counted_at_us = 0;  // in this run, 0: not yet; of one that is younger than the last scan, that
  std::optional<std::uint64_t> hierarchical_limit_bytes;
  std::optional<std::int64_t> limits_read_at_us;
  std::unique_ptr<std::string> limits_problem;  // null: none

  core::Limits limits() const { return told ? told->limits : core::Limits{}; }
};

struct PassResult {
  core::Scan scan;
  std::vector<core::CgroupRef> appeared;         // first read in this scan
  std::int64_t gone_count = 0;                   // cgroups that were there before
  std::vector<core::Candidate> candidates;       // over their threshold, cooldowns not considered
  std::vector<core::Sighting> sightings;         // of those that have ever been over their threshold
  std::vector<core::CountedOomKills> oom_kills;  // since the previous sample, or while the service was down
  std::string first_error;                       // of scan.error_count
  std::string parent_error;                      // why there was nothing to scan; empty: there was. It is counted too
  std::int64_t left_out_count = 0;               // cgroups over max_cgroups
  std::int64_t unwatched_count = 0;              // directories without an inotify watch, which every scan lists

  void note_error(const std::string& error) {
    if (scan.error_count++ == 0) first_error = error;
  }
};

}  // namespace cgmm::daemon
