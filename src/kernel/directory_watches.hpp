// SPDX-License-Identifier: Apache-2.0
#pragma once

// inotify watches on directories: which of them had entries come or go. Takes at most half of the watches that this
// user may have (fs.inotify.max_user_watches). One thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>

#include "base/fd.hpp"

namespace cgmm::kernel {

class DirectoryWatches {
 public:
  struct Change {
    std::uint64_t inode = 0;
    int watch = -1;
    bool is_watched = true;  // false: the directory is gone, and its watch with it
  };

  /// The number of the new watch; -1: there is none, because the kernel refuses another.
  int add(int directory_fd, std::uint64_t inode);

  /// Ignores -1.
  void remove(int watch);

  /// Calls `use` with each change since the last call. False: some changes were lost.
  bool take_changes(const std::function<void(const Change&)>& use);

 private:
  base::Fd inotify_;  // opened for the first watch
  std::size_t max_count_ = 0;
  bool is_refused_ = false;  // by the kernel, since the last take_changes(): it is not asked again until then
  std::unordered_map<int, std::uint64_t> inodes_;  // by watch
};

}  // namespace cgmm::kernel
