// SPDX-License-Identifier: Apache-2.0
#pragma once

// Processes that a benchmark starts, and what the kernel counts of them in /proc.

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "base/fd.hpp"

namespace cgmm::bench {

/// A forked child; killed, if it is still there, with the object.
class Child {
 public:
  /// `act` runs in the child, in the cgroup (a directory; empty: ours), and its result is the exit code.
  Child(const std::filesystem::path& cgroup, const std::function<int()>& act);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Child& operator=(Child&&) = delete;
  ~Child() { kill(); }

  pid_t pid() const { return pid_; }
  bool is_running() const;
  /// Its exit code, and what it has used. Throws Stopped.
  int wait(rusage* used = nullptr);
  void kill();

 private:
  pid_t pid_ = 0;
};

/// A child that does something again and again, when it is told to, and says what CPU it took: what it holds, and what
/// it takes, is its own.
class Worker {
 public:
  using Pass = std::function<void(char command)>;
  /// `prepare` runs in the child and returns what a pass is. Waits until it is prepared.
  Worker(const std::filesystem::path& cgroup, const std::function<Pass()>& prepare);

  /// In nanoseconds of CPU.
  std::int64_t pass(char command);

 private:
  struct Pipes;
  Worker(Pipes pipes, const std::filesystem::path& cgroup, const std::function<Pass()>& prepare);
  std::int64_t answer();

  base::Fd commands_;
  base::Fd answers_;
  Child child_;
};

/// What `act` returns, plain data, of a child in `cgroup`.
template <class Result>
Result in_child(const std::filesystem::path& cgroup, const std::function<Result()>& act);

/// Nanoseconds of CPU, of all threads that a process has, by their names.
std::map<std::string, std::int64_t> cpu_ns_by_thread(pid_t pid);
/// Voluntary and not, of all its threads.
std::int64_t context_switches(pid_t pid);
/// A line of its /proc status such as "VmHWM", in bytes.
std::int64_t status_bytes(pid_t pid, const std::string& key);
/// What this process has written so far, to whatever: wchar of /proc/self/io.
std::int64_t written_bytes();
std::int64_t descriptor_count(pid_t pid);

/// What a cgroup's processes pin of the kernel's memory: seq_file buffers, files, and those of the dentries and inodes
/// that they were the first to look up; also the stacks and page tables of their threads. Cached objects that nobody
/// uses are dropped first, again and again until that brings nothing. Not in it: what the kernel does not charge to
/// anybody (kernfs' own record of an open file), directories' dentries, which mkdir has made, and some 100 KB either
/// way that each processor has charged in advance.
std::int64_t pinned_kernel_bytes(const std::filesystem::path& cgroup);

template <class Result>
Result in_child(const std::filesystem::path& cgroup, const std::function<Result()>& act) {
  static_assert(std::is_trivially_copyable_v<Result>);
  void* const shared = ::mmap(nullptr, sizeof(Result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::system_error(errno, std::system_category(), "mmap");
  Child child(cgroup, [&] {
    *static_cast<Result*>(shared) = act();
    return 0;
  });
  const int code = child.wait();
  const Result result = *static_cast<Result*>(shared);
  ::munmap(shared, sizeof(Result));
  if (code != 0) throw std::runtime_error("a child has ended with " + std::to_string(code));
  return result;
}

}  // namespace cgmm::bench
