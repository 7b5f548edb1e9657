// SPDX-License-Identifier: Apache-2.0
#include "kernel/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "kernel/control_file.hpp"

namespace cgmm::kernel {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kBufferBytes = 16 * 1024;
constexpr std::size_t kMaxEntryBytes = 280;  // a name of 255 bytes
constexpr std::size_t kPathBytes = 512;      // a cgroup, on average
constexpr std::uint32_t kComesOrGoes = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
constexpr std::size_t kMoreCgroups = 128;  // so that a few long paths do not matter if max_cgroups is small

/// A directory entry in the layout of getdents64.
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

/// Whether it has this many links, on a file system that counts them.
bool has_directories(int fd, std::uint64_t count) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && status.st_nlink == count + 2;
}

/// Half of the watches that all programs of this user may have together.
std::size_t watches_to_take() {
  std::ifstream file("/proc/sys/fs/inotify/max_user_watches");
  std::size_t all = 0;
  return file >> all ? all / 2 : SIZE_MAX;
}

bool is_dot(const char* name) { return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')); }

}  // namespace

Tree::Tree(Hierarchy hierarchy, Watch watch, TreeBounds bounds)
    : hierarchy_(std::move(hierarchy)), watch_(watch), bounds_(bounds) {}

const std::vector<WatchedCgroup>& Tree::walk(Look look) {
  base::Fd parent(::open(hierarchy_.parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status{};
  if (!parent || ::fstat(parent.get(), &status) != 0) {
    throw std::system_error(errno, std::system_category(), hierarchy_.parent);
  }
  parent_fd_ = std::move(parent);
  take_notice();
  if (parent_.inode != status.st_ino || parent_device_ != status.st_dev) {
    drop_watch(parent_);
    parent_ = {};
    parent_.inode = status.st_ino;
    parent_device_ = status.st_dev;
    parent_.path = SharedPath(hierarchy_.parent_path);
    is_settled_ = false;
  }
  if (look == Look::everything) list_all_anew();
  if (is_settled_) return watches_leaves_ ? leaves_.cgroups : containers_.cgroups;
  if (!inotify_) {
    inotify_ = base::Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    max_watches_ = watches_to_take();
  }
  may_watch_ = static_cast<bool>(inotify_);
  settles_ = true;
  ++walk_;  // not earlier: if a walk can't begin, all tracked cgroups stay tracked
  begin(containers_);
  begin(leaves_);
  error_count_ = 0;
  unwatched_count_ = 0;
  first_error_.clear();
  path_ = hierarchy_.parent_path;
  const bool looked_for_leaves = looks_for_leaves();
  const bool has_children = parent_.is_listed ? visit_children(parent_, 0) : list(parent_, parent_fd_.get(), 0);
  // A parent without children is tracked itself, as in the Rust program. A hierarchy's root can't be reclaimed.
  if (!has_children && !hierarchy_.parent_path.empty()) {
    const auto known = nodes_.find(status.st_ino);
    Node fresh;
    Node& node = known != nodes_.end() ? known->second : fresh;
    node.inode = status.st_ino;
    set_path(node, parent_.path);
    take(leaves_, node, known != nodes_.end());
  }
  forget_unseen();
  for (Found* const found : {&containers_, &leaves_}) {
    if (found->cgroups.capacity() > found->cgroups.size() + kMoreCgroups) found->cgroups.shrink_to_fit();
  }
  container_seen_ = container_seen_ || !containers_.cgroups.empty();
  watches_leaves_ = looks_for_leaves();
  // If some were left out, the next walk must look again, because a place may be free then.
  is_settled_ = settles_ && watches_leaves_ == looked_for_leaves && left_out_count() == 0;
  return watches_leaves_ ? leaves_.cgroups : containers_.cgroups;
}

core::ContainerIdentity Tree::container_of(std::string_view path) const {
  const auto recognised = core::recognise_container(path, hierarchy_.parent_path.size());
  return recognised ? recognised->identity : core::ContainerIdentity{};
}

/// Reads what inotify reports since the last walk.
void Tree::take_notice() {
  if (!inotify_) return;
  if (buffers_.empty()) buffers_.emplace_back(kBufferBytes);
  std::vector<char>& buffer = buffers_.front();
  for (;;) {
    const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (got <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      take_notice_of(event.wd, event.mask);
    }
  }
}

void Tree::take_notice_of(int notice, std::uint32_t what) {
  if ((what & IN_Q_OVERFLOW) != 0) list_all_anew();
  const auto noticed = noticed_.find(notice);
  if (noticed == noticed_.end()) return;
  const auto known = nodes_.find(noticed->second);
  Node* const node = noticed->second == parent_.inode ? &parent_ : known != nodes_.end() ? &known->second : nullptr;
  if ((what & (IN_IGNORED | IN_UNMOUNT)) != 0) noticed_.erase(noticed);  // this watch is gone
  if (node == nullptr || node->notice != notice) return;
  if ((what & (IN_IGNORED | IN_UNMOUNT)) != 0) node->notice = -1;
  node->is_listed = false;
  is_settled_ = false;
}

void Tree::list_all_anew() {
  parent_.is_listed = false;
  for (auto& [inode, node] : nodes_) node.is_listed = false;
  is_settled_ = false;
}

/// Adds the watch, before the directory is listed, so that no change is missed. Uses the descriptor, because the path
/// may lead elsewhere by now, or be too long.
bool Tree::put_under_watch(Node& node, int directory_fd) {
  if (node.notice >= 0) return true;
  may_watch_ = may_watch_ && noticed_.size() < max_watches_;
  if (may_watch_) {
    const std::string directory = "/proc/self/fd/" + std::to_string(directory_fd);
    node.notice = ::inotify_add_watch(inotify_.get(), directory.c_str(), kComesOrGoes | IN_ONLYDIR);
    may_watch_ = node.notice >= 0 || (errno != ENOSPC && errno != ENOMEM);
    if (node.notice >= 0) noticed_[node.notice] = node.inode;
  }
  if (node.notice < 0) ++unwatched_count_;
  return node.notice >= 0;
}

/// Removes the watch: a removed cgroup keeps it otherwise.
void Tree::drop_watch(Node& node) {
  const auto noticed = noticed_.find(std::exchange(node.notice, -1));
  if (noticed == noticed_.end() || noticed->second != node.inode) return;  // it belongs to another directory now
  ::inotify_rm_watch(inotify_.get(), noticed->first);
  noticed_.erase(noticed);
}

/// Whether there are any children.
bool Tree::list(Node& node, int directory_fd, std::size_t depth) {
  if (buffers_.size() <= depth) buffers_.emplace_back(kBufferBytes);
  node.children.clear();
  const std::int64_t errors_before = error_count_;
  bool any = false;
  bool is_complete = put_under_watch(node, directory_fd);
  std::uint64_t directories = 0;
  for (bool last = false; !last;) {
    char* const buffer = buffers_[depth].data();
    const long got = ::syscall(SYS_getdents64, directory_fd, buffer, kBufferBytes);
    if (got < 0 && errno != ENOENT && errno != ENODEV) note_error(errno);
    if (got < 0) is_complete = false;
    for (long at = 0; at < got;) {
      const DirectoryEntry entry = entry_at(buffer + at);
      at += entry.length;
      bool directory = entry.type == DT_DIR;
      if (entry.type == DT_UNKNOWN) {
        struct stat status{};
        directory = ::fstatat(directory_fd, entry.name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
      }
      if (!directory || is_dot(entry.name)) continue;
      any = true;
      ++directories;
      Node* const child = visit(node, directory_fd, entry.name, entry.inode, depth);
      if (child != nullptr) node.children.push_back(child);
      is_complete = is_complete && child != nullptr;
    }
    // cgroupfs fills the buffer as long as entries fit, unless a signal interrupts it. Asking again is as expensive as
    // the first time.
    const bool has_room = got <= 0 || static_cast<std::size_t>(got) + kMaxEntryBytes <= kBufferBytes;
    last = got <= 0 || (hierarchy_.real && has_room && has_directories(directory_fd, directories));
  }
  node.is_listed = is_complete && error_count_ == errors_before;
  settles_ = settles_ && node.is_listed;
  return any;
}

/// nullptr: the next walk must visit it again, because it is not remembered, or can change unnoticed.
Tree::Node* Tree::visit(Node& parent, int directory_fd, const char* name, std::uint64_t inode, std::size_t depth) {
  const auto known = nodes_.find(inode);
  const bool is_known = known != nodes_.end();
  if (is_known && known->second.walk == walk_) return nullptr;  // visited already, under its name before it was renamed
  const std::size_t parent_length = path_.size();
  path_ += '/';
  path_ += name;
  Node fresh;
  Node& node = is_known ? known->second : fresh;
  const std::string_view end = std::string_view(path_).substr(parent_length);
  if (!is_known ||
      !node.path.is_made_of(parent.path, end)) {  // new, or renamed (v1 allows it), and then so are those below
    node.inode = inode;
    node.is_listed = false;
    set_path(node, SharedPath(parent.path, end));
  }
  node.walk = walk_;
  Node* kept = nullptr;
  if (is_container(node)) {
    kept = take(containers_, node, is_known);
  } else {
    kept = sort_in(node, look_inside(directory_fd, name, node, depth), is_known);
    if (kept == nullptr) drop_watch(node);
    if (kept != nullptr && !kept->is_listed) kept = nullptr;
  }
  path_.resize(parent_length);
  return kept;
}

bool Tree::visit_children(Node& node, std::size_t depth) {
  for (Node* const child : node.children) visit_again(*child, depth);
  return !node.children.empty();
}

/// A child that its parent has from an earlier listing.
void Tree::visit_again(Node& node, std::size_t depth) {
  if (node.walk == walk_) return;
  node.walk = walk_;
  if (is_container(node)) {
    take(containers_, node, /*is_known=*/true);
    return;
  }
  if (node.is_listed) {
    sort_in(node, visit_children(node, depth + 1), /*is_known=*/true);
    return;
  }
  path_ = node.path.string();
  const base::Fd directory = open_again(node);
  if (!directory && errno != ENOENT) note_error(errno);
  std::optional<bool> has_children;
  if (directory) has_children = node.has_children = list(node, directory.get(), depth + 1);
  settles_ = settles_ && node.is_listed;
  sort_in(node, has_children, /*is_known=*/true);
}

/// Opens it by its path, if that still leads to it.
base::Fd Tree::open_again(const Node& node) const {
  const std::string path = node.path.string();
  base::Fd directory =
      open_directory(parent_fd_.get(), std::string_view(path).substr(hierarchy_.parent_path.size()), O_RDONLY);
  struct stat status{};
  if (directory && ::fstat(directory.get(), &status) == 0 && status.st_ino != node.inode) {
    errno = ENOENT;
    return {};
  }
  return directory;
}

/// Whether it has child directories. Walks it if it has some, or may have some. nullopt: it vanished.
std::optional<bool> Tree::look_inside(int directory_fd, const char* name, Node& node, std::size_t depth) {
  if (node.is_listed) return visit_children(node, depth + 1);
  if (!node.has_children && node.notice < 0 && !may_watch_) {
    struct stat status{};
    if (::fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    if (status.st_nlink == 2) {  // no child directory; 1 on file systems that do not count them
      ++unwatched_count_;
      return false;
    }
  }
  const base::Fd child(::openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!child || depth + 1 >= kMaxDepth) {
    if (child || errno != ENOENT) note_error(child ? ENAMETOOLONG : errno);
    return std::nullopt;
  }
  node.has_children = list(node, child.get(), depth + 1);
  return node.has_children;
}

/// nullptr: there is no room to remember it.
Tree::Node* Tree::sort_in(Node& node, std::optional<bool> has_children, bool is_known) {
  if (has_children == false && looks_for_leaves()) return take(leaves_, node, is_known);
  return is_known ? &node : remember(node, others_);
}

/// The node belongs to the directory at path_.
void Tree::set_path(Node& node, SharedPath path) const {
  node.path = std::move(path);
  const auto recognised = core::recognise_container(path_, hierarchy_.parent_path.size());
  node.is_container = recognised && recognised->path_length == path_.size();
}

void Tree::begin(Found& found) {
  found.reserved = found.cgroups.size();
  found.cgroups.clear();
  found.left_out = 0;
}

/// Tracks it, if there is a place. A cgroup that was tracked in the previous walk has its place. nullptr: it is not
/// remembered.
Tree::Node* Tree::take(Found& found, Node& node, bool is_known) {
  const bool has_place = node.taken + 1 == walk_;
  const bool is_over = found.cgroups.size() >= bounds_.max_cgroups ||
                       (!has_place && (found.reserved >= bounds_.max_cgroups || !fits(node, watched_)));
  if (is_over) {
    ++found.left_out;
    return is_known ? &node : remember(node, others_);
  }
  if (!has_place) ++found.reserved;
  Node* const kept = is_known ? &node : remember(node, watched_);
  kept->walk = kept->taken = walk_;
  found.cgroups.push_back({kept->path, kept->inode});
  return kept;
}

bool Tree::fits(const Node& node, const Held& held) const {
  const std::size_t max_count = bounds_.max_cgroups + kMoreCgroups;
  return held.count < max_count && held.bytes + node.path.size() <= max_count * kPathBytes;
}

/// nullptr: there is no room for it.
Tree::Node* Tree::remember(Node& node, Held& held) {
  if (!fits(node, held)) return nullptr;
  ++held.count;
  held.bytes += node.path.size();
  return &nodes_.emplace(node.inode, std::move(node)).first->second;
}

/// Also counts what is remembered again: a directory that was only visited may be tracked now.
void Tree::forget_unseen() {
  watched_ = others_ = {};
  for (auto entry = nodes_.begin(); entry != nodes_.end();) {
    Node& node = entry->second;
    if (node.walk != walk_) {
      drop_watch(node);
      entry = nodes_.erase(entry);
      continue;
    }
    Held& held = node.taken == walk_ ? watched_ : others_;
    ++held.count;
    held.bytes += node.path.size();
    ++entry;
  }
}

void Tree::note_error(int error) {
  if (error_count_++ == 0) first_error_ = path_ + ": " + std::system_category().message(error);
}

}  // namespace cgmm::kernel
