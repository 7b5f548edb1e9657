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

Tree::Tree(Hierarchy hierarchy, Watch watch) : hierarchy_(std::move(hierarchy)), watch_(watch) {}

const std::vector<WatchedCgroup>& Tree::walk() {
  ++walk_;
  containers_.clear();
  leaves_.clear();
  error_count_ = 0;
  first_error_.clear();
  path_ = hierarchy_.parent_path;
  const Fd parent(::open(hierarchy_.parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  if (!parent || ::fstat(parent.get(), &status) != 0) {
    throw std::system_error(errno, std::system_category(), hierarchy_.parent);
  }
  // A parent without children is watched itself, as the Rust program does; a hierarchy's root is no cgroup to reclaim.
  if (!walk_children(parent.get(), 0) && !hierarchy_.parent_path.empty()) {
    if (const Node* const node = see(status.st_ino)) leaves_.push_back({&node->path, status.st_ino});
  }
  forget_unseen();
  container_seen_ = container_seen_ || !containers_.empty();
  const bool leaves = watch_ == Watch::leaves || (watch_ == Watch::automatic && !container_seen_);
  watches_leaves_ = leaves;
  return leaves ? leaves_ : containers_;
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
  const std::size_t parent_length = path_.size();
  path_ += '/';
  path_ += name;
  Node* const seen = see(inode);
  if (seen == nullptr) {
    path_.resize(parent_length);
    return;
  }
  if (seen->is_container && watch_ != Watch::leaves) {
    containers_.push_back({&seen->path, inode});
  } else if (is_leaf(directory_fd, name, *seen, depth)) {
    leaves_.push_back({&seen->path, inode});
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

/// The node of the directory at path_, new or known; nullptr when this walk has met it already, under the name that it had
/// before it was renamed.
Tree::Node* Tree::see(std::uint64_t inode) {
  Node& node = nodes_[inode];
  if (node.walk == walk_) return nullptr;
  if (node.walk == 0 || node.path != path_) {  // new, or renamed (v1 allows it)
    node.path = path_;
    const auto recognised = core::recognise_container(path_, hierarchy_.parent_path.size());
    node.is_container = recognised && recognised->path_length == path_.size();
  }
  node.walk = walk_;
  return &node;
}

void Tree::forget_unseen() {
  std::erase_if(nodes_, [this](const auto& entry) { return entry.second.walk != walk_; });
}

void Tree::note_error(int error) {
  if (error_count_++ == 0) first_error_ = path_ + ": " + std::system_category().message(error);
}

}  // namespace cgmm::kernel
