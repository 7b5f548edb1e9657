// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds the cgroups to watch below the parent: containers, as their paths tell, or the leaves where there is no
// container. A container's nested cgroups belong to it and are not looked at. One walk a scan, which costs nothing
// while nothing comes or goes: the kernel tells by inotify which directories have changed, and only those are listed
// anew. A directory is put under watch first and listed then, so that nothing gets lost between. One that can't be
// watched (fs.inotify.max_user_watches) is listed in every walk; no more than half of the watches that this user may
// have are taken. One thread.
//
// Whoever may make cgroups can make as many as they like, so what is remembered has bounds: of those to watch, as many
// as TreeBounds says; of the directories between and beside them, as many again, and beyond that they are looked at
// anew in every walk. The paths of either take 512 bytes a cgroup on average at most (a Kubernetes path takes 200).

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

/// Which cgroups are watched. `automatic`: containers once one has been seen, leaves before that. It never goes back: a
/// host whose last container ends must not see its system services watched, and reclaimed, all of a sudden.
enum class Watch : std::uint8_t { automatic, containers, leaves };

/// How many cgroups are watched at most. Those that are watched stay so while they are there; of the others, the first
/// that the walk comes by are taken when one of those has gone.
struct TreeBounds {
  std::size_t max_cgroups = 20'000;
};

/// A cgroup to watch.
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

  /// Containers have been seen before, by another tree of the same service: `automatic` means containers from the first
  /// walk on.
  void remember_containers() { container_seen_ = true; }
  bool container_seen() const { return container_seen_; }

  /// What is listed anew: what the kernel says has changed, or everything, in case it failed to say so.
  enum class Look : std::uint8_t { changes, everything };
  /// The cgroups to watch now; the result is overwritten by the next call. What vanishes during the walk is not in
  /// it. Throws std::system_error (with the path) when the parent can't be read.
  const std::vector<WatchedCgroup>& walk(Look look = Look::changes);

  /// Of walks that had something to look at: while it stays the same, so does what walk() returns.
  std::uint32_t walk_count() const { return walk_; }

  /// Directories that can't be watched, and were listed in the last walk for that reason.
  std::int64_t unwatched_count() const { return unwatched_count_; }

  /// The container that a watched path belongs to, as far as the path tells.
  core::ContainerIdentity container_of(std::string_view path) const;

  /// Whether the last walk was for leaves.
  bool watches_leaves() const { return watches_leaves_; }

  /// Directories that the last walk could not read, and the first of them with the reason; 0 and "" when there were
  /// none.
  std::int64_t error_count() const { return error_count_; }
  const std::string& first_error() const { return first_error_; }

  /// Cgroups that the last walk would have watched were they not over the bounds.
  std::int64_t left_out_count() const { return watches_leaves_ ? leaves_.left_out : containers_.left_out; }

  /// What is remembered of directories, for tests: how many, and the bytes of their paths.
  std::size_t remembered_count() const { return nodes_.size(); }
  std::size_t remembered_bytes() const { return watched_.bytes + others_.bytes; }

  const Hierarchy& hierarchy() const { return hierarchy_; }
  Watch watch() const { return watch_; }

 private:
  struct Node {
    SharedPath path;
    std::vector<Node*> children;  // that were met when it was listed; only while is_listed
    std::uint64_t inode = 0;
    std::uint32_t walk = 0;   // the last one that saw it
    std::uint32_t taken = 0;  // the last one that took it for one to watch
    int notice = -1;          // inotify's number for it; -1: not watched
    bool is_container = false;
    bool has_children = false;  // when it was last looked at
    bool is_listed = false;     // `children` is all there is until the kernel tells of a change
  };
  /// Those to watch of one kind.
  struct Found {
    std::vector<WatchedCgroup> cgroups;
    std::size_t reserved = 0;  // places: of those that the walk before took, and of those that are new
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
  bool is_settled_ = false;  // the next walk finds what the last one found, unless the kernel tells of a change
  bool settles_ = false;     // as far as the walk has come
  std::uint32_t walk_ = 1;   // so that 0 is none, and 1 before the first
  std::string path_;         // of the directory that the walk is in
  Node parent_;
  std::uint64_t parent_device_ = 0;
  base::Fd parent_fd_;  // while it is walked
  base::Fd inotify_;
  bool may_watch_ = true;  // until the kernel says that there are enough
  std::size_t max_watches_ = 0;
  std::unordered_map<int, std::uint64_t> noticed_;  // inotify's number -> inode
  std::int64_t unwatched_count_ = 0;
  std::unordered_map<std::uint64_t, Node> nodes_;  // by inode
  std::vector<std::vector<char>> buffers_;         // by depth
  Found containers_;
  Found leaves_;
  Held watched_;  // of nodes_: those taken by the last walk
  Held others_;
  std::int64_t error_count_ = 0;
  std::string first_error_;
};

}  // namespace cgmm::kernel
