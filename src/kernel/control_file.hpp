// SPDX-License-Identifier: Apache-2.0
#pragma once

// One cgroup's directory and its control files. A directory that is held open is a cgroup's identity: one removed and
// made anew under the same path is never mistaken for it. Files may be held open too, which makes reading cheaper
// (opening costs 4 to 6 us of CPU, reading a number 2, a memory.stat 10) but pins 5 KB of kernel memory each, so their
// number is bounded, and where there are many cgroups only the first ones of each are held. Each
// thread has cgroups of its own.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "base/fd.hpp"
#include "core/sample.hpp"
#include "kernel/shared_path.hpp"

namespace cgmm::kernel {

/// How many more descriptors may be held open, of directories and of files. Lives longer than the cgroups that draw on
/// it.
struct HeldFiles {
  std::size_t directories_left = 0;
  std::size_t files_left = 0;
  std::size_t slots = 0;  // of a cgroup: the files in others are closed after use
};

/// The largest file that is read. A memory.stat has 4 KB.
inline constexpr std::size_t kMaxFileBytes = 64 * 1024;

class Cgroup {
 public:
  static constexpr std::size_t kOftenRead = 5;  // slots below this are of files that every scan reads

  /// The cgroup at this path below `root_fd` (the hierarchy's root); nullopt: there is none with that inode. Throws
  /// std::system_error if the kernel refuses for another reason. Borrows `root_fd` and `held`.
  static std::optional<Cgroup> open(int root_fd, SharedPath path, std::uint64_t inode, HeldFiles& held);

  Cgroup(Cgroup&& other) noexcept;
  Cgroup& operator=(Cgroup&& other) noexcept;
  ~Cgroup();

  core::CgroupId id() const { return {path(), inode_}; }
  std::string path() const { return path_.string(); }
  const SharedPath& shared_path() const { return path_; }
  std::uint64_t inode() const { return inode_; }

  /// The whole content of the file, read into `buffer` (kMaxFileBytes + 1 long); nullopt: there is no such file,
  /// because the kernel lacks it or the cgroup vanished. `name` is a static string. `slot` is the file's number, always
  /// the same for the same name. Throws std::system_error with the path.
  std::optional<std::string_view> read(std::size_t slot, const char* name, std::span<char> buffer);

  /// Writes `text` to the file with one write(). Returns the kernel's answer, and does not throw.
  std::error_code write(const char* name, std::string_view text) const;

  /// Whether there is a file with this name.
  bool has_file(const char* name) const;

  /// Whether the path still leads to this cgroup.
  bool still_there() const;

  /// Whether the path certainly does not lead to it any more. False if that is not known.
  bool is_gone() const;

  /// For messages: the cgroup's path with the file's name.
  std::string path_of(const char* name) const { return path() + "/" + name; }

 private:
  Cgroup(int root_fd, SharedPath path, std::uint64_t inode, HeldFiles& held)
      : root_fd_(root_fd), path_(std::move(path)), inode_(inode), held_(&held) {}
  base::Fd open_file(const char* name, int flags) const;
  void drop_file(std::size_t slot);

  int root_fd_;
  base::Fd directory_;  // empty: over the bound, opened anew for each use
  SharedPath path_;
  std::uint64_t inode_;
  HeldFiles* held_;
  std::array<base::Fd, kOftenRead> files_;
  std::uint16_t absent_ = 0;  // bit per slot: the kernel lacks the file
};

/// Opens a directory by its path below root_fd, of any length (the kernel takes 4095 bytes at a time); an empty
/// base::Fd with errno where it fails. Symbolic links are not followed.
base::Fd open_directory(int root_fd, std::string_view path, int flags);

}  // namespace cgmm::kernel
