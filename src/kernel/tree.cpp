// SPDX-License-Identifier: Apache-2.0
#include "kernel/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "kernel/control_file.hpp"

namespace cgmm::kernel {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kForContainers = 4;  // a quarter of the places is only theirs: anybody can make others
constexpr std::size_t kPathBytes = 512;    // a cgroup, on average
constexpr std::size_t kMoreCgroups = 128;  // so that a few long paths do not matter if max_cgroups is small

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool is_directory(int parent_fd, const dirent& entry) {
  const std::string_view name = entry.d_name;
  if (name == "." || name == "..") return false;
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status{};
  return ::fstatat(parent_fd, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

Tree::Tree(Hierarchy hierarchy, std::size_t max_cgroups)
    : hierarchy_(std::move(hierarchy)), max_cgroups_(max_cgroups) {}

void Tree::set_max_cgroups(std::size_t max_cgroups) {
  max_cgroups_ = max_cgroups;
  shares_.forget();
  is_settled_ = false;
}

void Tree::list_all_anew() {
  for (auto& [inode, node] : nodes_) node.is_listed = false;
  is_settled_ = false;
}

const Walk& Tree::walk(std::int64_t previous_at_us) {
  previous_at_us_ = previous_at_us;
  base::Fd parent(::open(hierarchy_.parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto id = parent ? base::file_id(parent.get()) : std::nullopt;
  if (!id) throw std::system_error(errno, std::system_category(), hierarchy_.parent);
  parent_fd_ = std::move(parent);
  begin(*id);
  if (is_settled_) return last_;
  places_.taken = last_.cgroups.size();
  places_.of_others = std::exchange(places_.others_tracked, 0);
  last_ = {.number = last_.number + 1, .cgroups = std::move(last_.cgroups)};
  last_.cgroups.clear();
  visit(nodes_[id->inode], 0);
  const std::size_t container_count = last_.cgroups.size() - places_.others_tracked;
  const std::size_t reserved = max_cgroups_ / kForContainers;
  shares_.end_walk(max_cgroups_ - (reserved - std::min(reserved, container_count)));
  last_.crowd = shares_.crowd();
  last_.crowd_count = shares_.crowd_left_out();
  forget_unseen();
  if (last_.cgroups.capacity() > last_.cgroups.size() + kMoreCgroups) last_.cgroups.shrink_to_fit();
  return last_;
}

/// Notes what has changed since the last walk.
void Tree::begin(const base::FileId& parent) {
  const bool is_complete = watches_.take_changes([&](const DirectoryWatches::Change& change) {
    const auto known = nodes_.find(change.inode);
    if (known == nodes_.end() || known->second.watch != change.watch) return;
    if (!change.is_watched) known->second.watch = -1;
    known->second.is_listed = false;
    is_settled_ = false;
  });
  if (!is_complete) list_all_anew();
  if (parent_ == parent) return;
  parent_ = parent;
  watches_ = {};
  nodes_.clear();
  last_.cgroups.clear();
  places_.others_tracked = 0;
  is_settled_ = false;
  Node& node = nodes_[parent.inode];
  node.inode = parent.inode;
  node.path = core::SharedPath(hierarchy_.parent_path);
}

void Tree::set_path(Node& node, core::SharedPath path) const {
  node.path = std::move(path);
  const std::string text = node.path.string();
  const auto recognised = core::recognise_container(text, hierarchy_.parent_path.size());
  node.is_container = recognised && recognised->path_length == text.size();
  node.is_pod = !node.is_container && core::is_pod(text);
}

void Tree::visit(Node& node, std::size_t depth) {
  node.walk = last_.number;
  if (node.is_container) return take(node, depth, /*is_whole=*/true);
  const auto missing_count = [&] { return last_.left_out_count + last_.error_count; };
  const std::int64_t missing_before = missing_count();
  bool is_known = true;
  shares_.enter(node.inode, node.path);
  if (node.is_listed) {
    node.complete = last_.number;
    for (Node* const child : node.children) {
      if (child->walk != last_.number) visit(*child, depth + 1);
    }
  } else {
    is_known = list(node, depth);
  }
  shares_.leave();
  const bool is_parent = depth == 0;
  // A parent without children is tracked itself, as in the Rust program. So is the root of the whole hierarchy: it
  // holds what is in no other cgroup.
  const bool is_root = is_parent && hierarchy_.real && node.path.size() == 0;
  const bool is_taken = is_root || !is_parent || (node.is_leaf && node.path.size() > 0);
  if (is_taken && is_known) take(node, depth, missing_before == missing_count());
}

/// Visits the child directories, too. False: it has vanished, or it is not known which there are.
bool Tree::list(Node& node, std::size_t depth) {
  node.children.clear();
  node.is_leaf = false;
  // One that is new in it was made since the walk before; or since the directory was, if all of that was seen.
  const std::int64_t made_after_us = node.complete + 1 == last_.number ? previous_at_us_ : node.made_after_us;
  if (depth >= kMaxDepth) return note_error(node, ENAMETOOLONG);
  const std::string path = node.path.string();
  base::Fd directory =
      open_cgroup(parent_fd_.get(), std::string_view(path).substr(hierarchy_.parent_path.size()), node.inode, O_RDONLY);
  if (!directory) return errno == ENOENT ? false : note_error(node, errno);
  // Before it is listed, so that no change is missed.
  if (node.watch < 0) node.watch = watches_.add(directory.get(), node.inode);
  if (node.watch < 0) ++last_.unwatched_count;
  struct stat status{};  // the kernel counts the child directories of a cgroup as links
  node.is_leaf = hierarchy_.real && ::fstat(directory.get(), &status) == 0 && status.st_nlink == 2;
  if (node.is_leaf) {
    node.is_listed = node.watch >= 0;
    node.complete = last_.number;
    return true;
  }
  bool is_complete = true;
  const std::unique_ptr<DIR, CloseDirectory> entries(::fdopendir(directory.get()));
  if (!entries) return note_error(node, errno);
  const int fd = directory.release();
  node.is_leaf = true;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    if (!is_directory(fd, *entry)) continue;
    node.is_leaf = false;
    Node* const child = visit_entry(node, *entry, made_after_us, depth + 1);
    if (child != nullptr) node.children.push_back(child);
    is_complete = is_complete && child != nullptr;
  }
  if (is_complete && errno == 0) node.complete = last_.number;
  node.is_listed = node.complete == last_.number && node.watch >= 0;
  if (errno == 0) return true;
  node.is_leaf = false;
  return errno == ENOENT || errno == ENODEV ? false : note_error(node, errno);
}

/// nullptr: it is not remembered, so the next walk must list its parent again.
Tree::Node* Tree::visit_entry(Node& parent, const dirent& found, std::int64_t made_after_us, std::size_t depth) {
  const std::uint64_t inode = found.d_ino;
  const auto [entry, is_new] = nodes_.try_emplace(inode);
  Node& node = entry->second;
  if (node.walk == last_.number) return nullptr;  // visited already, under its name before it was renamed
  if (is_new) node.made_after_us = made_after_us;
  const std::string end = std::string("/") + found.d_name;
  if (is_new || !node.path.is_made_of(parent.path, end)) {  // if it was renamed, so are those below
    node.inode = inode;
    node.is_listed = false;
    set_path(node, core::SharedPath(parent.path, end));
  }
  visit(node, depth);
  if (!is_new || remember(node)) return &node;
  watches_.remove(node.watch);
  nodes_.erase(inode);
  return nullptr;
}

/// Tracks it, if there is a place. A cgroup that was tracked in the previous walk has its place, unless its directory
/// has more than its share.
void Tree::take(Node& node, std::size_t depth, bool is_whole) {
  const bool has_place = node.taken + 1 == last_.number;
  const bool is_other = !node.is_container;
  const bool is_free =
      places_.taken < max_cgroups_ && (!is_other || places_.of_others < max_cgroups_ - max_cgroups_ / kForContainers);
  const bool is_fair = shares_.has_place();
  if (!is_fair || last_.cgroups.size() >= max_cgroups_ || (!has_place && (!is_free || !fits(node, tracked_)))) {
    ++last_.left_out_count;
    if (has_place) --places_.taken;
    if (has_place && is_other) --places_.of_others;
    return;
  }
  if (!has_place) ++places_.taken;
  if (!has_place && is_other) ++places_.of_others;
  if (is_other) ++places_.others_tracked;
  node.taken = last_.number;
  shares_.take();
  last_.cgroups.push_back(
      {node.path, node.inode, node.made_after_us, kind_of(node), static_cast<std::uint8_t>(depth), is_whole});
}

core::CgroupKind Tree::kind_of(const Node& node) {
  if (node.is_container) return core::CgroupKind::container;
  if (node.is_pod) return core::CgroupKind::pod;
  return node.is_leaf ? core::CgroupKind::leaf : core::CgroupKind::inner;
}

bool Tree::fits(const Node& node, const Held& held) const {
  const std::size_t max_count = max_cgroups_ + kMoreCgroups;
  return held.count < max_count && held.bytes + node.path.size() <= max_count * kPathBytes;
}

/// False: there is no room for it.
bool Tree::remember(const Node& node) {
  Held& held = node.taken == last_.number ? tracked_ : others_;
  if (!fits(node, held)) return false;
  ++held.count;
  held.bytes += node.path.size();
  return true;
}

/// Also counts what is remembered again: a directory that was only visited may be tracked now.
void Tree::forget_unseen() {
  tracked_ = others_ = {};
  is_settled_ = last_.left_out_count == 0;  // else a place may be free in the next walk
  for (auto entry = nodes_.begin(); entry != nodes_.end();) {
    const Node& node = entry->second;
    if (node.walk != last_.number) {
      watches_.remove(node.watch);
      entry = nodes_.erase(entry);
      continue;
    }
    Held& held = node.taken == last_.number ? tracked_ : others_;
    ++held.count;
    held.bytes += node.path.size();
    is_settled_ = is_settled_ && (node.is_listed || node.is_container);
    ++entry;
  }
}

/// Returns false.
bool Tree::note_error(const Node& node, int error) {
  if (last_.error_count++ == 0) last_.first_error = node.path.string() + ": " + std::system_category().message(error);
  return false;
}

}  // namespace cgmm::kernel
