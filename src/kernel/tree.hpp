// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds the cgroups to track below the parent: containers, recognised by their paths, the leaves outside of them, and
// the inner cgroups above these. Cgroups nested in a container belong to it and are not visited. There is one walk per
// scan. It costs nothing while no cgroup comes or goes: only directories that inotify reports as changed are listed
// again. Those that can't be watched are listed in every walk. One thread.
//
// Anybody who may make cgroups can make any number, so memory is bounded: at most `max_cgroups` tracked cgroups, and as
// many directories between and beside them; further directories are visited again in every walk. Paths may take 512
// bytes per cgroup on average (a Kubernetes path takes 200).

#include <dirent.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "core/container.hpp"
#include "core/shared_path.hpp"
#include "kernel/directory_watches.hpp"
#include "kernel/hierarchy.hpp"
#include "kernel/shares.hpp"

namespace cgmm::kernel {

/// A cgroup to track.
struct FoundCgroup {
  core::SharedPath path;
  std::uint64_t inode = 0;
  std::int64_t made_after_us = 0;  // 0: it may have been there before the first walk, or unseen for a while
  core::CgroupKind kind = core::CgroupKind::leaf;
  std::uint8_t depth = 0;  // below the parent
  bool is_whole = true;    // all that is below it was found, too
};

/// What a walk has found.
struct Walk {
  std::uint32_t number = 1;          // of walks that listed something. While it is the same, `cgroups` are too
  std::vector<FoundCgroup> cgroups;  // those below a cgroup come before it
  std::int64_t left_out_count = 0;   // cgroups over max_cgroups
  std::string crowd;                 // the directory below which most of them are; empty: there are none
  std::int64_t crowd_count = 0;      // how many of them
  std::int64_t unwatched_count = 0;  // directories without an inotify watch
  std::int64_t error_count = 0;      // directories that could not be read
  std::string first_error;           // of these, with the path; empty: none
};

class Tree {
 public:
  /// `max_cgroups`: tracked cgroups stay tracked, as long as their directory has no more than its share; when one goes,
  /// the next that a walk finds takes its place.
  explicit Tree(Hierarchy hierarchy, std::size_t max_cgroups = 20'000);

  /// From the next walk on.
  void set_max_cgroups(std::size_t max_cgroups);

  /// The next walk lists every directory, in case inotify missed something.
  void list_all_anew();

  /// The cgroups to track now, without those that vanish during the walk. Valid until the next call. `previous_at_us`:
  /// when the call before began, for `made_after_us`. What can't be read hides only what is new below it. Throws
  /// std::system_error with the path if the parent can't be read: all tracked cgroups keep their places then.
  const Walk& walk(std::int64_t previous_at_us = 0);

  /// For tests: how many directories are remembered, and the bytes of their paths.
  std::size_t remembered_count() const { return nodes_.size(); }
  std::size_t remembered_bytes() const { return tracked_.bytes + others_.bytes; }

  const Hierarchy& hierarchy() const { return hierarchy_; }

 private:
  struct Node {
    core::SharedPath path;
    std::vector<Node*> children;  // that are remembered
    std::uint64_t inode = 0;
    std::int64_t made_after_us = 0;
    std::uint32_t walk = 0;      // the last one that saw it
    std::uint32_t taken = 0;     // the last one that found it to be tracked
    std::uint32_t complete = 0;  // the last one in which all its child directories were known
    int watch = -1;              // inotify's; -1: none
    bool is_container = false;
    bool is_pod = false;
    bool is_leaf = false;    // it had no child directory when it was listed
    bool is_listed = false;  // `children` are all of them until inotify reports a change
  };
  struct Places {                    // of tracked cgroups
    std::size_t taken = 0;           // in the previous walk, and by new ones
    std::size_t of_others = 0;       // of these: by others than containers
    std::size_t others_tracked = 0;  // in this walk
  };
  struct Held {
    std::size_t count = 0;
    std::size_t bytes = 0;  // of paths
  };

  void begin(const base::FileId& parent);
  void set_path(Node& node, core::SharedPath path) const;
  void visit(Node& node, std::size_t depth);
  bool list(Node& node, std::size_t depth);
  Node* visit_entry(Node& parent, const dirent& found, std::int64_t made_after_us, std::size_t depth);
  void take(Node& node, std::size_t depth, bool is_whole);
  static core::CgroupKind kind_of(const Node& node);
  bool fits(const Node& node, const Held& held) const;
  bool remember(const Node& node);
  void forget_unseen();
  bool note_error(const Node& node, int error);

  Hierarchy hierarchy_;
  std::size_t max_cgroups_;
  std::int64_t previous_at_us_ = 0;  // of the walk before
  bool is_settled_ = false;          // the next walk finds the same as the last one, unless inotify reports a change
  base::FileId parent_;
  base::Fd parent_fd_;
  DirectoryWatches watches_;
  std::unordered_map<std::uint64_t, Node> nodes_;  // by inode, with the parent
  Walk last_;
  Shares shares_;
  Places places_;
  Held tracked_;  // of nodes_: those tracked by the last walk
  Held others_;
};

}  // namespace cgmm::kernel
