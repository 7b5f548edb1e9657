// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds the cgroups to watch below the parent: containers, as their paths tell, or the leaves where there is no container.
// A container's nested cgroups belong to it and are not looked at. One walk a scan, cheap: a directory that was seen before
// costs no allocation, a leaf is known by its link count and never opened. One thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/container.hpp"
#include "kernel/fd.hpp"
#include "kernel/hierarchy.hpp"

namespace cgmm::kernel {

/// Which cgroups are watched. `automatic`: containers once one has been seen, leaves before that. It never goes back: a host
/// whose last container ends must not see its system services watched, and reclaimed, all of a sudden.
enum class Watch : std::uint8_t { automatic, containers, leaves };

/// A cgroup to watch. `path` is valid until it vanishes from the tree.
struct WatchedCgroup {
  const std::string* path = nullptr;
  std::uint64_t inode = 0;
};

class Tree {
 public:
  Tree(Hierarchy hierarchy, Watch watch);

  /// Containers have been seen before, by another tree of the same service: `automatic` means containers from the first walk on.
  void remember_containers() { container_seen_ = true; }
  bool container_seen() const { return container_seen_; }

  /// The cgroups to watch now; the result is overwritten by the next call. What vanishes during the walk is not in
  /// it. Throws std::system_error (with the path) when the parent can't be read.
  const std::vector<WatchedCgroup>& walk();

  /// The container that a watched path belongs to, as far as the path tells.
  core::ContainerIdentity container_of(std::string_view path) const;

  /// Whether the last walk was for leaves.
  bool watches_leaves() const { return watches_leaves_; }

  /// Directories that the last walk could not read, and the first of them with the reason; 0 and "" when there were none.
  std::int64_t error_count() const { return error_count_; }
  const std::string& first_error() const { return first_error_; }

  const Hierarchy& hierarchy() const { return hierarchy_; }
  Watch watch() const { return watch_; }

 private:
  struct Node {
    std::string path;
    bool is_container = false;
    bool has_children = false;  // when it was last looked at
    std::uint32_t walk = 0;  // the last one that saw it
  };

  bool walk_children(int directory_fd, std::size_t depth);
  void visit(int directory_fd, const char* name, std::uint64_t inode, std::size_t depth);
  bool is_leaf(int directory_fd, const char* name, Node& node, std::size_t depth);
  Node* see(std::uint64_t inode);
  void forget_unseen();
  void note_error(int error);

  Hierarchy hierarchy_;
  Watch watch_;
  bool container_seen_ = false;
  bool watches_leaves_ = false;
  std::uint32_t walk_ = 0;
  std::string path_;  // of the directory that the walk is in
  std::unordered_map<std::uint64_t, Node> nodes_;  // by inode
  std::vector<std::vector<char>> buffers_;         // by depth
  std::vector<WatchedCgroup> containers_;
  std::vector<WatchedCgroup> leaves_;
  std::int64_t error_count_ = 0;
  std::string first_error_;
};

}  // namespace cgmm::kernel
