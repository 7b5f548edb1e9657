// SPDX-License-Identifier: Apache-2.0
#pragma once

// One cgroup's directory and its control files. Files may be held open, which makes reading cheaper (opening costs 4 to
// 6 us of CPU, reading a number 2, a memory.stat 10), but each takes 5 KB of kernel memory, so their number is bounded.
// Each thread has its own cgroups.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/fd.hpp"
#include "core/sample.hpp"
#include "core/shared_path.hpp"

namespace cgmm::kernel {

/// How many more descriptors may be held open. Outlives the cgroups that use it.
struct HeldFiles {
  std::size_t directories_left = 0;
  std::size_t files_left = 0;
  std::size_t slots = 0;  // of a cgroup: the files in others are closed after use
  int below = 1 << 30;    // only descriptors with smaller numbers are held: the others are for everything else
};

/// The largest file that is read. A memory.stat has 4 KB.
inline constexpr std::size_t kMaxFileBytes = 64 * 1024;

class Cgroup {
 public:
  static constexpr std::size_t kOftenRead = 6;  // slots below this are of files that every scan reads

  /// The cgroup at this path below `root_fd` (the hierarchy's root); nullopt: there is none with that inode. Throws
  /// std::system_error if the kernel refuses for another reason. Borrows `root_fd` and `held`.
  static std::optional<Cgroup> open(int root_fd, core::SharedPath path, std::uint64_t inode, HeldFiles& held);

  Cgroup(Cgroup&& other) noexcept = default;
  Cgroup& operator=(Cgroup&& other) noexcept;
  ~Cgroup();

  core::CgroupId id() const { return {path_.size() == 0 ? "/" : path(), inode_}; }
  std::string path() const { return path_.string(); }
  core::SharedId shared_id() const { return {path_.size() == 0 ? core::SharedPath("/") : path_, inode_}; }
  const core::SharedPath& shared_path() const { return path_; }
  std::uint64_t inode() const { return inode_; }

  /// The whole content of the file, read into `buffer` (kMaxFileBytes + 1 long); nullopt: there is no such file,
  /// because the kernel lacks it or the cgroup vanished. `name` is a static string. `slot` is the file's number, always
  /// the same for the same name. Throws std::system_error with the path.
  std::optional<std::string_view> read(std::size_t slot, const char* name, std::span<char> buffer);

  /// Writes `text` to the file with one write(). Returns the kernel's answer, and does not throw.
  std::error_code write(const char* name, std::string_view text) const;

  /// The file, to be written to; empty, with errno, if it can't be.
  base::Fd open_to_write(const char* name) const;

  /// The cgroups directly below it, as far as they can be listed.
  std::vector<core::CgroupId> children() const;

  /// While it lives, the directory stays open once it was needed, also where it may not be held.
  class Visit {
   public:
    explicit Visit(Cgroup& cgroup) : cgroup_(cgroup) { cgroup_.is_visited_ = true; }
    ~Visit() {
      cgroup_.is_visited_ = false;
      cgroup_.visited_.reset();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    Cgroup& cgroup_;
  };

  /// Whether there is a file with this name.
  bool has_file(const char* name) const;

  /// Whether the path leads to it. False also if that is not known.
  bool is_there() const;
  /// Whether the path does not lead to it any more, even if another cgroup has it now. False if that is not known.
  bool is_gone() const;

  /// For messages: the cgroup's path with the file's name.
  std::string path_of(const char* name) const { return path() + "/" + name; }

 private:
  Cgroup(int root_fd, core::SharedPath path, std::uint64_t inode, HeldFiles& held)
      : root_fd_(root_fd), path_(std::move(path)), inode_(inode), held_(&held) {}
  base::Fd open_directory() const;
  base::Fd open_file(const char* name, int flags) const;
  void drop_file(std::size_t slot);

  int root_fd_;
  base::Fd directory_;  // empty: over the bound, opened anew for each use
  core::SharedPath path_;
  std::uint64_t inode_;
  HeldFiles* held_;
  std::array<base::Fd, kOftenRead> files_;
  std::uint16_t absent_ = 0;  // bit per slot: the kernel lacks the file
  bool is_visited_ = false;
  mutable base::Fd visited_;  // the directory, during a visit
};

/// Opens a directory by its path below root_fd, of any length (the kernel takes 4095 bytes at a time). Follows no
/// symbolic link. Empty, with errno, if it fails.
base::Fd open_directory(int root_fd, std::string_view path, int flags);

/// The same; ENOENT if the directory has another inode.
base::Fd open_cgroup(int root_fd, std::string_view path, std::uint64_t inode, int flags);

}  // namespace cgmm::kernel
