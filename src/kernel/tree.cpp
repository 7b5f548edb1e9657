// SPDX-License-Identifier: Apache-2.0
#include "kernel/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "kernel/control_file.hpp"

namespace cgmm::kernel {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kBufferBytes = 16 * 1024;
constexpr std::size_t kMaxEntryBytes = 280;  // a name of 255 bytes
constexpr std::size_t kPathBytes = 512;      // a cgroup, on average
constexpr std::size_t kMoreCgroups = 128;    // so that a few long paths are no matter where max_cgroups is small

/// A directory entry as getdents64 lays it out.
struct DirectoryEntry {
  std::uint64_t inode;
  std::uint16_t length;
  unsigned char type;
  const char* name;
};

DirectoryEntry entry_at(const char* raw) {
  // linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, char name[]
  DirectoryEntry entry{};
  std::memcpy(&entry.inode, raw, sizeof entry.inode);
  std::memcpy(&entry.length, raw + 16, sizeof entry.length);
  std::memcpy(&entry.type, raw + 18, sizeof entry.type);
  entry.name = raw + 19;
  return entry;
}

bool is_dot(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

}  // namespace

Tree::Tree(Hierarchy hierarchy, Watch watch, TreeBounds bounds)
    : hierarchy_(std::move(hierarchy)), watch_(watch), bounds_(bounds) {}

const std::vector<WatchedCgroup>& Tree::walk() {
  const Fd parent(::open(hierarchy_.parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  if (!parent || ::fstat(parent.get(), &status) != 0) {
    throw std::system_error(errno, std::system_category(), hierarchy_.parent);
  }
  ++walk_;  // not before: a walk that could not begin takes nobody's place away
  begin(containers_);
  begin(leaves_);
  error_count_ = 0;
  first_error_.clear();
  path_ = hierarchy_.parent_path;
  // A parent without children is watched itself, as the Rust program does; a hierarchy's root is no cgroup to reclaim.
  if (!walk_children(parent.get(), 0) && !hierarchy_.parent_path.empty()) {
    const auto known = nodes_.find(status.st_ino);
    Node fresh;
    Node& node = known != nodes_.end() ? known->second : fresh;
    set_path(node);
    take(leaves_, node, status.st_ino, known != nodes_.end());
  }
  forget_unseen();
  container_seen_ = container_seen_ || !containers_.cgroups.empty();
  watches_leaves_ = looks_for_leaves();
  return watches_leaves_ ? leaves_.cgroups : containers_.cgroups;
}

core::ContainerIdentity Tree::container_of(std::string_view path) const {
  const auto recognised = core::recognise_container(path, hierarchy_.parent_path.size());
  return recognised ? recognised->identity : core::ContainerIdentity{};
}

/// Whether there are any children.
bool Tree::walk_children(int directory_fd, std::size_t depth) {
  if (buffers_.size() <= depth) buffers_.emplace_back(kBufferBytes);
  bool any = false;
  for (;;) {
    char* const buffer = buffers_[depth].data();
    const long got = ::syscall(SYS_getdents64, directory_fd, buffer, kBufferBytes);
    const bool last = hierarchy_.real && got >= 0 && static_cast<std::size_t>(got) + kMaxEntryBytes <= kBufferBytes;
    if (got < 0 && errno != ENOENT && errno != ENODEV) note_error(errno);
    if (got <= 0) return any;
    for (long at = 0; at < got;) {
      const DirectoryEntry entry = entry_at(buffer + at);
      at += entry.length;
      bool directory = entry.type == DT_DIR;
      if (entry.type == DT_UNKNOWN) {
        struct stat status {};
        directory = ::fstatat(directory_fd, entry.name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
      }
      if (!directory || is_dot(entry.name)) continue;
      any = true;
      visit(directory_fd, entry.name, entry.inode, depth);
    }
    if (last) return any;  // cgroupfs fills the buffer while an entry fits: asking again costs as much as the first time
  }
}

void Tree::visit(int directory_fd, const char* name, std::uint64_t inode, std::size_t depth) {
  const auto known = nodes_.find(inode);
  const bool is_known = known != nodes_.end();
  if (is_known && known->second.walk == walk_) return;  // met already, under the name that it had before it was renamed
  const std::size_t parent_length = path_.size();
  path_ += '/';
  path_ += name;
  Node fresh;
  Node& node = is_known ? known->second : fresh;
  if (!is_known || node.path != path_) set_path(node);  // new, or renamed (v1 allows it)
  node.walk = walk_;
  if (node.is_container && watch_ != Watch::leaves) {
    take(containers_, node, inode, is_known);
  } else if (is_leaf(directory_fd, name, node, depth) && looks_for_leaves()) {
    take(leaves_, node, inode, is_known);
  } else if (!is_known) {
    remember(node, inode, others_);
  }
  path_.resize(parent_length);
}

/// Whether it has no directories in it; walks it where it has, or may have, some. False also when it vanished.
bool Tree::is_leaf(int directory_fd, const char* name, Node& node, std::size_t depth) {
  struct stat status {};
  if (!node.has_children) {
    if (::fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (status.st_nlink == 2) return true;  // only where the file system counts directories; else it is 1
  }
  const Fd child(::openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!child || depth + 1 >= kMaxDepth) {
    if (child || errno != ENOENT) note_error(child ? ENAMETOOLONG : errno);
    return false;
  }
  node.has_children = walk_children(child.get(), depth + 1);
  return !node.has_children;
}

/// The node is the directory at path_.
void Tree::set_path(Node& node) const {
  node.path = path_;
  const auto recognised = core::recognise_container(path_, hierarchy_.parent_path.size());
  node.is_container = recognised && recognised->path_length == path_.size();
}

void Tree::begin(Found& found) {
  found.reserved = found.cgroups.size();
  found.cgroups.clear();
  found.left_out = 0;
}

/// To watch, if there is a place: one of those that the walk before took has its own.
void Tree::take(Found& found, Node& node, std::uint64_t inode, bool is_known) {
  const bool has_place = node.taken + 1 == walk_;
  const bool is_over = found.cgroups.size() >= bounds_.max_cgroups ||
                       (!has_place && (found.reserved >= bounds_.max_cgroups || !fits(node, watched_)));
  if (is_over) {
    ++found.left_out;
    if (!is_known) remember(node, inode, others_);
    return;
  }
  Node* kept = &node;
  if (!has_place) ++found.reserved;
  if (!is_known) kept = remember(node, inode, watched_);
  kept->walk = kept->taken = walk_;
  found.cgroups.push_back({&kept->path, inode});
}

bool Tree::fits(const Node& node, const Held& held) const {
  const std::size_t max_count = bounds_.max_cgroups + kMoreCgroups;
  return held.count < max_count && held.bytes + node.path.size() <= max_count * kPathBytes;
}

/// nullptr where there is no room for it among those that are held.
Tree::Node* Tree::remember(Node& node, std::uint64_t inode, Held& held) {
  if (!fits(node, held)) return nullptr;
  ++held.count;
  held.bytes += node.path.size();
  return &nodes_.emplace(inode, std::move(node)).first->second;
}

/// And counts anew what is held: one that was looked at only may be watched by now.
void Tree::forget_unseen() {
  watched_ = others_ = {};
  std::erase_if(nodes_, [this](const auto& entry) {
    const Node& node = entry.second;
    if (node.walk != walk_) return true;
    Held& held = node.taken == walk_ ? watched_ : others_;
    ++held.count;
    held.bytes += node.path.size();
    return false;
  });
}

void Tree::note_error(int error) {
  if (error_count_++ == 0) first_error_ = path_ + ": " + std::system_category().message(error);
}

}  // namespace cgmm::kernel
