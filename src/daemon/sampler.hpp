// SPDX-License-Identifier: Apache-2.0
#pragma once

// Takes the scans: finds the cgroups, reads their numbers, tells what is new; and between two scans samples those that
// are near their limit. Never touches the database, never writes to a cgroup, so that neither a stalled disk nor a slow
// reclaim can blind it. One thread.

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/effect.hpp"
#include "core/limit_watch.hpp"
#include "core/policy.hpp"
#include "core/records.hpp"
#include "kernel/controller.hpp"
#include "kernel/node_memory.hpp"
#include "kernel/tree.hpp"

namespace cgmm::daemon {

class Sampler {
 public:
  /// `oom_kills_total`: the kernel's OOM counters as last seen by an earlier run.
  Sampler(const kernel::Hierarchy& hierarchy, kernel::Watch watch, core::Policy policy,
          std::unordered_map<core::CgroupId, std::uint64_t> oom_kills_total);

  struct Result {
    core::Scan scan;
    std::vector<core::CgroupRef> appeared;         // first read in this scan
    std::int64_t gone_count = 0;                   // cgroups that were there before
    std::vector<core::Candidate> candidates;       // over their threshold, cooldowns not considered
    std::vector<core::Sighting> sightings;         // of those that have ever been over their threshold
    std::vector<core::CountedOomKills> oom_kills;  // since the previous scan, or while the service was down
    std::string first_error;                       // of scan.error_count
    std::string parent_error;                      // why there was nothing to scan; empty: there was. It is counted too
    std::int64_t left_out_count = 0;               // cgroups over max_cgroups
    std::int64_t unwatched_count =
        0;  // directories that the kernel does not tell changes of, and that every scan lists
  };
  /// One pass. Errors of single cgroups, and a parent that can't be read, are counted, not thrown. A cgroup that can't
  /// be found because something can't be read has not vanished for that: it has when its path no longer leads to it.
  Result scan(std::int64_t now_us);

  /// Between two scans: a partial scan of the cgroups that are near their limit; nullopt when there are none. Where
  /// what the node holds has changed, the others are looked at too (their usage alone), for one of them may be on its
  /// way there.
  std::optional<Result> look(std::int64_t now_us);

  /// When look() should be called next; from a second on.
  std::int64_t look_again_after_us() const;

  void set_policy(core::Policy policy);
  void set_watch_bounds(const core::WatchBounds& bounds) { bounds_ = bounds; }
  /// How many cgroups are watched at most; 20 000 until it is set.
  void set_max_cgroups(std::int64_t max_cgroups);
  /// Watches another parent from now on, and every cgroup is new; nothing happens where it is the same. Throws
  /// std::system_error, and stays with the old one, when it can't be opened.
  void set_hierarchy(const kernel::Hierarchy& hierarchy, kernel::Watch watch);

  const kernel::Hierarchy& hierarchy() const { return tree_->hierarchy(); }

 private:
  /// What is known of one cgroup; a node may have thousands.
  struct Entry {
    core::CgroupKey key = 0;
    core::CgroupRef told;    // in its rows; null before the first one
    std::uint32_t scan = 0;  // the last one that saw it
    kernel::Cgroup cgroup;
    std::uint32_t settings = 0;     // index into settings_
    core::Counters previous;        // as last known
    std::uint64_t cache_bytes = 0;  // that could be dropped, at the last sample
    bool ever_over = false;         // its threshold
    bool watched = false;           // sampled between two scans
    bool has_limits = false;        // they have been read
    core::LimitWatch limit_watch;
    std::int64_t kills_counted_at_us = 0;  // in this run, 0: not yet; of one that is younger than the last scan, that
    std::optional<std::uint64_t> hierarchical_limit_bytes;
    std::int64_t limits_read_at_us = 0;

    core::Limits limits() const { return told ? told->limits : core::Limits{}; }
  };

  bool find_all(Result& result);
  void sample(Entry& entry, Result& result);
  Entry* find_or_open(const kernel::WatchedCgroup& watched);
  void consider(Entry& entry);
  void choose_watched();
  std::span<Entry* const> watched() const { return std::span(wanted_).first(watched_count_); }
  void forget_wanted();
  std::uint32_t settings_for(std::string_view path);
  void take_row(Entry& entry, const kernel::Reading& reading, Result& result);
  void refresh_limits(Entry& entry, const kernel::Reading& reading, std::int64_t now_us);
  void reopen(Result& result);
  void forget_unseen(Result& result, bool saw_all);
  void look_at_limit(Entry& entry, std::optional<std::uint64_t> held_bytes);
  void look_at_all(std::uint64_t change_bytes);
  std::optional<kernel::Reading> read_or_nothing(Entry& entry);
  void choose_watched_of_all();
  std::int64_t take_cpu_us();
  static void note_error(Result& result, const std::string& error);

  core::Policy policy_;
  std::vector<core::ReclaimSettings> settings_;  // those that differ, each once
  std::unordered_map<core::CgroupId, std::uint64_t> oom_kills_total_;
  std::unique_ptr<kernel::Tree> tree_;
  std::unique_ptr<kernel::Controller> controller_;    // outlives the cgroups that it opened
  std::unordered_map<std::uint64_t, Entry> entries_;  // by inode
  std::vector<Entry*> found_;                         // of entries_, those that the last walk of the tree found
  std::uint32_t found_in_walk_ = 0;                   // 0: found_ holds no more
  std::vector<Entry*> wanted_;                        // between two scans; the first watched_count_ of them are watched
  std::size_t watched_count_ = 0;
  std::unordered_map<core::CgroupKey, std::string> limits_problems_;
  std::int64_t now_us_ = 0;                 // when the pass began, of the steady clock
  std::int64_t list_everything_at_us_ = 0;  // likewise
  kernel::TreeBounds tree_bounds_;
  core::WatchBounds bounds_;
  kernel::NodeMemory node_memory_;
  std::optional<std::uint64_t> node_held_bytes_;  // when the cgroups were looked at last
  std::uint64_t smallest_headroom_bytes_ = 0;     // of those not watched
  std::int64_t processor_count_ = ::sysconf(_SC_NPROCESSORS_ONLN);
  std::int64_t scanned_at_us_ = 0;  // the last scan
  std::int64_t cpu_us_ = 0;         // of this thread, up to the last scan
  core::CgroupKey next_key_ = 1;
  std::uint32_t scan_ = 0;
  bool complete_ = false;  // the last scan saw all there was: what is new now is younger than it
};

}  // namespace cgmm::daemon
