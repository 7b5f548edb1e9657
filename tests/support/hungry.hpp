// SPDX-License-Identifier: Apache-2.0
#pragma once

// A process that takes memory in a cgroup until the kernel kills it.

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/child_process.hpp"
#include "support/pipe.hpp"
#include "support/real_cgroup.hpp"

namespace cgmm::test {

class Hungry {
 public:
  enum class Kind { anon, shmem };

  /// Joins the cgroup, and with feed() begins to take so much a second.
  Hungry(const std::filesystem::path& cgroup, std::uint64_t bytes_per_second, Kind kind = Kind::anon)
      : pipe_(make_pipe()), child_(ChildProcess::fork_off([&] {
          write_cgroup_file(cgroup / "cgroup.procs", std::to_string(::getpid()));
          ::prctl(PR_SET_NAME, "hungry (1)");  // a name with what stands around names in the log
          char byte = 0;
          while (::read(pipe_[0].get(), &byte, 1) != 1) {
          }
          return eat(bytes_per_second, kind);
        })) {}
  ~Hungry() { ::munmap(last_bite_at_us_, sizeof *last_bite_at_us_); }
  Hungry(const Hungry&) = delete;
  Hungry& operator=(const Hungry&) = delete;

  void feed() const {
    if (::write(pipe_[1].get(), "f", 1) != 1) throw std::runtime_error("the hungry process is gone");
  }
  pid_t pid() const { return child_.pid(); }
  /// By the kernel.
  bool was_killed() { return child_.wait_for_exit(std::chrono::seconds{60}) == -SIGKILL; }
  /// When it took memory last, by the wall clock; it does so every kTick until it is killed. 0: not yet.
  std::int64_t last_bite_at_us() const { return *last_bite_at_us_; }

  static constexpr auto kTick = std::chrono::milliseconds{20};

 private:
  using Instant = std::atomic<std::int64_t>;

  /// Shared with the process.
  static Instant* make_instant() {
    void* const memory = ::mmap(nullptr, sizeof(Instant), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no shared memory");
    return new (memory) Instant{0};
  }

  int eat(std::uint64_t bytes_per_second, Kind kind) const {
    const std::size_t bite = bytes_per_second / 50 / 4096 * 4096 + 4096;
    const auto begin = std::chrono::steady_clock::now();
    const int fd = kind == Kind::shmem ? ::memfd_create("eaten", 0) : -1;
    for (int i = 0;; ++i) {
      const auto offset = static_cast<off_t>(static_cast<std::size_t>(i) * bite);
      if (fd >= 0 && ::ftruncate(fd, offset + static_cast<off_t>(bite)) != 0) return 1;
      void* const memory = ::mmap(nullptr, bite, PROT_READ | PROT_WRITE,
                                  fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, fd >= 0 ? offset : 0);
      if (memory == MAP_FAILED) return 1;
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      *last_bite_at_us_ = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
      for (std::size_t at = 0; at < bite; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
      std::this_thread::sleep_until(begin + (i + 1) * kTick);
    }
  }

  Instant* const last_bite_at_us_ = make_instant();
  Pipe pipe_;
  ChildProcess child_;
};

}  // namespace cgmm::test
