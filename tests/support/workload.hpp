// SPDX-License-Identifier: Apache-2.0
#pragma once

// A process in a cgroup that reads a file whenever it is told to, so that the cgroup is charged for its page
// cache. The file's pages are written back first: dirty ones can't be dropped.

#include <fcntl.h>
#include <poll.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/pipe.hpp"
#include "support/real_cgroup.hpp"

namespace cgmm::test {

inline bool is_in_memory(const std::filesystem::path& dir) {
  struct ::statfs info{};
  constexpr long kTmpfs = 0x01021994, kRamfs = 0x858458f6;
  return ::statfs(dir.c_str(), &info) != 0 || info.f_type == kTmpfs || info.f_type == kRamfs;
}

/// A directory on a real filesystem: only its page cache can be dropped.
inline std::filesystem::path disk_dir() {
  for (const auto& dir : {std::filesystem::current_path(), std::filesystem::path{"/var/tmp"}}) {
    if (!is_in_memory(dir)) {
      return dir;
    }
  }
  throw std::runtime_error("neither the build directory nor /var/tmp is on a disk: no page cache to be had");
}

class Workload {
 public:
  /// In `cgroup`: writes `bytes` to `file`, which stays in the page cache, and stays alive.
  Workload(const std::filesystem::path& cgroup, const std::filesystem::path& file, std::size_t bytes)
      : commands_(make_pipe()), answers_(make_pipe()), child_(ChildProcess::fork_off([&] {
          write_cgroup_file(cgroup / "cgroup.procs", std::to_string(::getpid()));
          fill(file, bytes);
          return serve(file);
        })) {
    wait_for_answer();
  }

  /// Reads the whole file again: what is not in the page cache any more comes back.
  void read_again() {
    if (::write(commands_[1].get(), "r", 1) != 1) {
      throw std::runtime_error("the workload is gone");
    }
    wait_for_answer();
  }

  pid_t pid() const { return child_.pid(); }
  void kill() { child_.kill(); }

 private:
  static void fill(const std::filesystem::path& file, std::size_t bytes) {
    const Fd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    const std::vector<char> block(1 << 20, 'x');
    for (std::size_t written = 0; written < bytes; written += block.size()) {
      if (::write(fd.get(), block.data(), block.size()) != static_cast<ssize_t>(block.size())) {
        throw std::system_error(errno, std::generic_category(), file);
      }
    }
    if (::fsync(fd.get()) != 0) {
      throw std::system_error(errno, std::generic_category(), file);
    }
  }

  int serve(const std::filesystem::path& file) const {
    std::vector<char> block(1 << 20);
    char command = 0;
    do {
      const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
      while (::read(fd.get(), block.data(), block.size()) > 0) {
      }
      if (::write(answers_[1].get(), "k", 1) != 1) {
        return 1;
      }
    } while (::read(commands_[0].get(), &command, 1) == 1);
    return 0;
  }

  void wait_for_answer() const {
    ::pollfd ready{.fd = answers_[0].get(), .events = POLLIN, .revents = 0};
    char answer = 0;
    if (::poll(&ready, 1, 60'000) != 1 || ::read(answers_[0].get(), &answer, 1) != 1) {
      throw std::runtime_error("the workload did not fill its cgroup");
    }
  }

  Pipe commands_, answers_;
  ChildProcess child_;
};

}  // namespace cgmm::test
