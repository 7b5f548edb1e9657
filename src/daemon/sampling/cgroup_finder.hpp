// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which cgroups there are: follows kernel/tree and keeps a Tracked for each, with its directory held open. One thread.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/optional_number.hpp"
#include "core/effect.hpp"
#include "core/idle.hpp"
#include "core/near_limit.hpp"
#include "core/policy.hpp"
#include "core/records.hpp"
#include "core/stuck.hpp"
#include "kernel/control_file.hpp"
#include "kernel/controller.hpp"
#include "kernel/tree.hpp"

namespace cgmm::daemon {

/// A cgroup's last sample.
struct LastSample {
  core::Counters counters;  // as last known
  base::OptionalNumber<std::uint64_t> peak_bytes;
  base::OptionalNumber<std::int64_t> at_us;  // of the wall clock; none: there is no sample yet
};

/// A cgroup's limits as last read.
struct LimitsRead {
  std::optional<std::uint64_t> hierarchical_limit_bytes;
  base::OptionalNumber<std::int64_t> at_us;
  std::unique_ptr<std::string> problem;  // null: none
};

/// What a cgroup is, and where.
struct Place {
  core::CgroupKind kind = core::CgroupKind::leaf;
  std::uint8_t depth = 0;  // below the parent
  bool is_whole = true;    // all that is below it was found in this scan, too
};

/// Which rule decides for a cgroup.
struct Decision {
  const core::Rule* rule = nullptr;  // null: none
  std::uint32_t policy = 0;          // the number of the policy that `rule` is of; 0: not looked for yet
  bool waits_for_names = false;      // another rule may decide when they are known
};

/// What is remembered of a cgroup from one scan to the next. A node may have thousands of these.
struct Tracked {
  kernel::Cgroup cgroup;
  core::CgroupKey key = 0;
  core::CgroupRef told;  // in its rows; null before the first one
  Place place;
  bool is_seen = false;          // by this scan
  bool ever_over = false;        // its threshold
  bool is_near_limit = false;    // sampled between two scans
  bool may_stand_still = true;   // its OOM killer may be disabled (v1)
  bool is_kept = false;          // not reclaimed, because a rule excludes a cgroup below it
  bool has_final_names = false;  // nobody will look for more
  Decision decision;
  std::unique_ptr<core::ContainerNames> names;  // null: none are known
  std::int64_t names_wanted_at_us = 0;          // of the steady clock: since then; 0: not yet
  core::CacheWatch cache_watch;
  LastSample last;
  std::uint64_t cache_bytes = 0;  // that could be dropped, at the last sample
  core::NearLimit near_limit;
  std::unique_ptr<core::StuckWatch> stuck;  // null: nothing points to it
  std::int64_t kills_counted_at_us = 0;     // since it was found; 0: not yet
  std::int64_t made_after_us = 0;           // 0: not known
  LimitsRead limits_read;

  core::Limits limits() const { return told ? told->limits : core::Limits{}; }
  /// Whether its samples are of its remainder.
  bool has_remainder() const { return core::has_remainder(place.kind); }
  bool is_stuck() const { return stuck && stuck->stuck(); }
};

/// What of the cgroups can't be recorded, because the kernel does not tell.
struct Untold {
  struct Value {
    std::int64_t cgroup_count = 0;
    std::string first;  // the first of them, and what its file has
  };
  std::map<std::string, Value> no_numbers;  // by file and key
  std::int64_t without_controller_count = 0;
  bool are_containers = true;      // all of those
  std::string without_controller;  // the first
};

/// What one pass over the cgroups has found.
struct PassResult {
  core::Scan scan;
  std::vector<core::CgroupRef> appeared;         // first read in this scan
  std::vector<std::string> gone;                 // paths of cgroups that were there before
  std::vector<core::Candidate> candidates;       // over their threshold, cooldowns not considered
  std::vector<core::Candidate> left_alone;       // over their threshold for the first time, and no candidates yet
  std::vector<core::Sighting> sightings;         // of those that have ever been over their threshold
  std::vector<core::CountedOomKills> oom_kills;  // since the previous sample
  std::string first_error;                       // of scan.error_count
  std::string parent_error;                      // why there was nothing to scan; empty: there was. It is counted too
  bool has_containers = false;                   // at least one
  std::int64_t rule_lookup_count = 0;            // cgroups whose rule was looked up: once, until the rules change
  std::int64_t left_out_count = 0;               // cgroups over max_cgroups
  std::string crowd;                             // the directory below which most of them are
  std::int64_t crowd_count = 0;                  // how many of them
  Untold untold;
  std::vector<std::string> stuck_news;  // that a cgroup is stuck from now on, or not any more; for the log
  std::int64_t unwatched_count = 0;     // directories without an inotify watch, which every scan lists

  void note_error(const std::string& error) {
    if (scan.error_count++ == 0) first_error = error;
  }
};

class CgroupFinder {
 public:
  using Cgroups = std::unordered_map<std::uint64_t, Tracked>;  // by inode

  explicit CgroupFinder(const kernel::Hierarchy& hierarchy) { set_hierarchy(hierarchy); }

  /// Begins a scan: the cgroups that there are now, those below a cgroup before it. What can't be opened is counted.
  /// Throws when the parent can't be read.
  std::vector<Tracked*> find(std::int64_t steady_us, PassResult& result);

  /// Ends it: whatever the scan has not seen is gone, or could not be read. A cgroup that can't be found because
  /// something can't be read is gone only when its path no longer leads to it.
  void end_scan(PassResult& result);

  Cgroups& cgroups() { return cgroups_; }
  kernel::Controller& controller() { return *controller_; }
  const kernel::Hierarchy& hierarchy() const { return tree_->hierarchy(); }

  void set_max_cgroups(std::int64_t max_cgroups);
  /// Tracks the cgroups of another parent from now on, and every one is new; those of the same parent stay. Throws
  /// std::system_error, and stays with the old one, when it can't be opened.
  void set_hierarchy(const kernel::Hierarchy& hierarchy);

 private:
  Tracked* find_or_open(const kernel::FoundCgroup& found, PassResult& result);
  static void put_at(Tracked& tracked, const kernel::FoundCgroup& found);
  static void leave(const Tracked& tracked, bool is_hidden, PassResult& result);
  void reopen(PassResult& result);

  std::unique_ptr<kernel::Tree> tree_;
  std::size_t max_cgroups_ = 20'000;
  std::unique_ptr<kernel::Controller> controller_;  // outlives the cgroups that it opened
  Cgroups cgroups_;
  std::int64_t list_everything_at_us_ = 0;
  std::int64_t walked_at_us_ = 0;  // the last scan that could
  core::CgroupKey next_key_ = 1;
  bool has_seen_all_ = false;  // this scan, of what it could look at
};

}  // namespace cgmm::daemon
