// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which cgroups there are: follows kernel/tree and keeps a Tracked for each, with its directory held open. One thread.

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "daemon/sampling/tracked.hpp"
#include "kernel/controller.hpp"
#include "kernel/tree.hpp"

namespace cgmm::daemon {

class CgroupFinder {
 public:
  using Cgroups = std::unordered_map<std::uint64_t, Tracked>;  // by inode

  CgroupFinder(const kernel::Hierarchy& hierarchy, kernel::Watch watch) { set_hierarchy(hierarchy, watch); }

  /// Begins a scan: the cgroups that there are now. What can't be opened is counted. Throws when the parent can't be
  /// read.
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
  void set_hierarchy(const kernel::Hierarchy& hierarchy, kernel::Watch watch);

 private:
  Tracked* find_or_open(const kernel::FoundCgroup& found);
  void reopen(PassResult& result);

  std::unique_ptr<kernel::Tree> tree_;
  std::size_t max_cgroups_ = 20'000;
  std::unique_ptr<kernel::Controller> controller_;  // outlives the cgroups that it opened
  Cgroups cgroups_;
  std::int64_t list_everything_at_us_ = 0;
  std::int64_t scanned_at_us_ = 0;  // the last scan
  core::CgroupKey next_key_ = 1;
  bool has_seen_all_ = false;  // this scan, of what it could look at
  bool is_complete_ = false;   // the last scan saw all there was: what is new now is younger than it
};

}  // namespace cgmm::daemon
