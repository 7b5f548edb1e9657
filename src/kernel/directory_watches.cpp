// SPDX-License-Identifier: Apache-2.0
#include "kernel/directory_watches.hpp"

#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

namespace cgmm::kernel {
namespace {

constexpr std::size_t kBufferBytes = 16 * 1024;

std::size_t half_of_this_users_watches() {
  std::ifstream file("/proc/sys/fs/inotify/max_user_watches");
  std::size_t all = 0;
  return file >> all ? all / 2 : SIZE_MAX;
}

}  // namespace

int DirectoryWatches::add(int directory_fd, std::uint64_t inode) {
  if (is_refused_) return -1;
  if (!inotify_) {
    inotify_ = base::Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (inotify_) max_count_ = half_of_this_users_watches();
  }
  is_refused_ = !inotify_;
  if (is_refused_ || inodes_.size() >= max_count_) return -1;
  // By the descriptor, because the path may lead elsewhere by now, or be too long.
  const std::string directory = "/proc/self/fd/" + std::to_string(directory_fd);
  const int watch = ::inotify_add_watch(inotify_.get(), directory.c_str(),
                                        IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR);
  is_refused_ = watch < 0 && (errno == ENOSPC || errno == ENOMEM);
  if (watch >= 0) inodes_[watch] = inode;
  return watch;
}

void DirectoryWatches::remove(int watch) {
  if (inodes_.erase(watch) != 0) ::inotify_rm_watch(inotify_.get(), watch);
}

bool DirectoryWatches::take_changes(const std::function<void(const Change&)>& use) {
  bool is_complete = true;
  is_refused_ = false;
  std::array<char, kBufferBytes> buffer;
  for (;;) {
    const ssize_t got = inotify_ ? ::read(inotify_.get(), buffer.data(), buffer.size()) : 0;
    if (got <= 0) return is_complete;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      is_complete = is_complete && (event.mask & IN_Q_OVERFLOW) == 0;
      const auto watched = inodes_.find(event.wd);
      if (watched == inodes_.end()) continue;
      const Change change{watched->second, event.wd, (event.mask & (IN_IGNORED | IN_UNMOUNT)) == 0};
      if (!change.is_watched) inodes_.erase(watched);
      use(change);
    }
  }
}

}  // namespace cgmm::kernel
