// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds the cgroups to track below the parent: containers, recognised by their paths, or the leaves if there is no
// container. Cgroups nested in a container belong to it and are not visited. There is one walk per scan. It costs
// nothing while no cgroup comes or goes: inotify reports which directories changed, and only those are listed again. A
// watch is added before the directory is listed, so that no change is missed. A directory that can't have a watch
// (fs.inotify.max_user_watches) is listed in every walk. The tree takes at most half of this user's watches. One
// thread.
//
// Anybody who may make cgroups can make any number, so memory is bounded: at most TreeBounds::max_cgroups tracked
// cgroups, and as many directories between and beside them; further directories are visited again in every walk. Paths
// may take 512 bytes per cgroup on average (a Kubernetes path takes 200).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "core/container.hpp"
#include "kernel/hierarchy.hpp"
#include "kernel/shared_path.hpp"

namespace cgmm::kernel {

/// Which cgroups are tracked. `automatic`: leaves until a container was seen, only containers from then on. It never
/// goes back: when a host's last container ends, its system services must not be tracked and reclaimed all of a sudden.
enum class Watch : std::uint8_t { automatic, containers, leaves };

/// The most cgroups that are tracked. Tracked cgroups stay tracked while they exist. When one goes, the next that the
/// walk finds takes its place.
struct TreeBounds {
  std::size_t max_cgroups = 20'000;
};

/// A tracked cgroup.
struct WatchedCgroup {
  SharedPath path;
  std::uint64_t inode = 0;
};

class Tree {
 public:
  Tree(Hierarchy hierarchy, Watch watch, TreeBounds bounds = {});

  /// From the next walk on.
  void set_bounds(TreeBounds bounds) {
    bounds_ = bounds;
    is_settled_ = false;
  }

  /// An earlier tree of this service has seen containers: `automatic` means containers from the first walk on.
  void remember_containers() { container_seen_ = true; }
  bool container_seen() const { return container_seen_; }

  /// What is listed again: only what inotify reports as changed, or everything, in case it missed something.
  enum class Look : std::uint8_t { changes, everything };
  /// The tracked cgroups now, without those that vanish during the walk. Valid until the next call. Throws
  /// std::system_error with the path if the parent can't be read.
  const std::vector<WatchedCgroup>& walk(Look look = Look::changes);

  /// Counts walks that listed something. While it does not change, the result of walk() does not change either.
  std::uint32_t walk_count() const { return walk_; }

  /// Directories without a watch, which the last walk therefore listed.
  std::int64_t unwatched_count() const { return unwatched_count_; }

  /// The container of a tracked path, as far as the path names it.
  core::ContainerIdentity container_of(std::string_view path) const;

  /// Whether the last walk was for leaves.
  bool watches_leaves() const { return watches_leaves_; }

  /// How many directories the last walk could not read, and the first of them with the reason; 0 and "" for none.
  std::int64_t error_count() const { return error_count_; }
  const std::string& first_error() const { return first_error_; }

  /// Cgroups that the last walk left out because of the bounds.
  std::int64_t left_out_count() const { return watches_leaves_ ? leaves_.left_out : containers_.left_out; }

  /// For tests: how many directories are remembered, and the bytes of their paths.
  std::size_t remembered_count() const { return nodes_.size(); }
  std::size_t remembered_bytes() const { return watched_.bytes + others_.bytes; }

  const Hierarchy& hierarchy() const { return hierarchy_; }
  Watch watch() const { return watch_; }

 private:
  struct Node {
    SharedPath path;
    std::vector<Node*> children;  // found when it was listed; only while is_listed
    std::uint64_t inode = 0;
    std::uint32_t walk = 0;   // the last one that saw it
    std::uint32_t taken = 0;  // the last one that found it to be tracked
    int notice = -1;          // its inotify watch; -1: none
    bool is_container = false;
    bool has_children = false;  // when it was last visited
    bool is_listed = false;     // `children` is complete until inotify reports a change
  };
  /// The cgroups of one kind (containers or leaves).
  struct Found {
    std::vector<WatchedCgroup> cgroups;
    std::size_t reserved = 0;  // places: of those tracked in the previous walk, and of new ones
    std::int64_t left_out = 0;
  };
  struct Held {
    std::size_t count = 0;
    std::size_t bytes = 0;  // of paths
  };

  bool looks_for_leaves() const { return watch_ == Watch::leaves || (watch_ == Watch::automatic && !container_seen_); }
  bool is_container(const Node& node) const { return node.is_container && watch_ != Watch::leaves; }
  void take_notice();
  void take_notice_of(int notice, std::uint32_t what);
  void list_all_anew();
  bool put_under_watch(Node& node, int directory_fd);
  void drop_watch(Node& node);
  bool list(Node& node, int directory_fd, std::size_t depth);
  Node* visit(Node& parent, int directory_fd, const char* name, std::uint64_t inode, std::size_t depth);
  bool visit_children(Node& node, std::size_t depth);
  void visit_again(Node& node, std::size_t depth);
  std::optional<bool> look_inside(int directory_fd, const char* name, Node& node, std::size_t depth);
  base::Fd open_again(const Node& node) const;
  Node* sort_in(Node& node, std::optional<bool> has_children, bool is_known);
  void set_path(Node& node, SharedPath path) const;
  void begin(Found& found);
  Node* take(Found& found, Node& node, bool is_known);
  bool fits(const Node& node, const Held& held) const;
  Node* remember(Node& node, Held& held);
  void forget_unseen();
  void note_error(int error);

  Hierarchy hierarchy_;
  Watch watch_;
  TreeBounds bounds_;
  bool container_seen_ = false;
  bool watches_leaves_ = false;
  bool is_settled_ = false;  // the next walk finds the same as the last one, unless inotify reports a change
  bool settles_ = false;     // the same, of the current walk so far
  std::uint32_t walk_ = 1;   // so that 0 is none, and 1 before the first
  std::string path_;         // of the directory that the walk is in
  Node parent_;
  std::uint64_t parent_device_ = 0;
  base::Fd parent_fd_;  // while it is walked
  base::Fd inotify_;
  bool may_watch_ = true;  // until the kernel refuses another watch
  std::size_t max_watches_ = 0;
  std::unordered_map<int, std::uint64_t> noticed_;  // inotify watch -> inode
  std::int64_t unwatched_count_ = 0;
  std::unordered_map<std::uint64_t, Node> nodes_;  // by inode
  std::vector<std::vector<char>> buffers_;         // by depth
  Found containers_;
  Found leaves_;
  Held watched_;  // of nodes_: those tracked by the last walk
  Held others_;
  std::int64_t error_count_ = 0;
  std::string first_error_;
};

}  // namespace cgmm::kernel
