// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the process of a workload works with: its files, its pace, and where it puts down how long its operations took.

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <new>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "base/fd.hpp"
#include "daemon/clock.hpp"
#include "policy/histogram.hpp"

namespace cgmm::bench::policy {

/// An object in memory that forked processes share.
template <class T>
class Shared {
 public:
  Shared() : at_(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (at_ == MAP_FAILED) throw std::system_error(errno, std::system_category(), "mmap");
    new (at_) T{};
  }
  ~Shared() { ::munmap(at_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  T& operator*() const { return *static_cast<T*>(at_); }
  T* operator->() const { return static_cast<T*>(at_); }

 private:
  void* at_;
};

/// Of all workloads of a run.
struct Start {
  std::atomic<std::int64_t> at_us;  // steady clock; 0: not yet
};

/// Of one.
struct Seen {
  std::atomic<bool> is_ready;
  Histogram latency;
};

constexpr std::uint64_t kBlock = 64 * 1024;

class Job {
 public:
  struct Place {
    std::filesystem::path directory;  // with its files
    std::uint64_t limit_bytes = 0;    // of its cgroup
    double pace = 1;                  // what it does in a second is multiplied by this
    double heap = 0;                  // what it has of its own, a share of the limit
    double run_s = 0;                 // how long the run is
    std::uint64_t seed = 0;
    std::int64_t offset_us = 0;  // so that it is not in step with the same workload under another policy
  };
  Job(Place place, const Start& start, Seen& seen);

  /// `share` of its limit, in whole blocks.
  std::uint64_t share(double share) const;
  double pace() const { return place_.pace; }
  double run_s() const { return place_.run_s; }
  double elapsed_s() const;
  std::filesystem::path path(const char* file) const { return place_.directory / file; }
  std::mt19937_64& random() { return random_; }

  /// Everything is there: waits until the run begins.
  void ready();
  /// Does something and puts down how long it took.
  template <class Act>
  void measured(Act act) {
    const auto before = std::chrono::steady_clock::now();
    act();
    const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - before;
    seen_.latency.add(static_cast<std::uint64_t>(taken.count()));
  }

 private:
  Place place_;
  const Start& start_;
  Seen& seen_;
  std::mt19937_64 random_;
  std::vector<char> heap_;
  std::int64_t began_us_ = 0;
};

/// So many times a second. What is late by more than a second is not made up for.
class Pace {
 public:
  explicit Pace(double per_second);
  void wait();

 private:
  std::int64_t period_us_, next_us_;
};

/// A file that is read in blocks. The kernel is told to read no more than it is asked for, because how much it reads
/// ahead differs from disk to disk. Where blocks come in sequence, four of them (256 KiB) are asked for ahead, and each
/// is new to the kernel when its turn comes again: it forgets that it had evicted it.
class BlockFile {
 public:
  enum class Order { random, sequential };
  BlockFile(const std::filesystem::path& file, Order order, int more_flags = 0);

  std::uint64_t block_count() const { return block_count_; }
  void read(std::uint64_t block);
  void write(std::uint64_t block);
  void read_all();
  int fd() const { return fd_.get(); }

 private:
  void look_ahead(std::uint64_t block);

  base::Fd fd_;
  Order order_;
  std::uint64_t block_count_;
  std::vector<char> buffer_;
};

/// Writes a file of so many bytes (whole blocks) that no cgroup is charged for: past the page cache where the file
/// system can do that. It begins with `head`. Throws Stopped.
void make_file(const std::filesystem::path& file, std::uint64_t bytes, std::span<const char> head = {});
/// Out of the page cache.
void forget_file(const std::filesystem::path& file);

}  // namespace cgmm::bench::policy
