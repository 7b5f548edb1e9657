// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the kernel itself takes for the numbers of a scan: its files, held open, each read once, and nothing done with
// what they say. No program that reads them can be cheaper.

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "containers.hpp"
#include "process.hpp"

namespace cgmm::bench {

/// The files of kernel/v1.cpp, and how many of them the sampler reads in every scan; keep the two equal.
inline constexpr std::array<const char*, 5> kReadFiles = {
    "memory.stat", "memory.usage_in_bytes", "memory.kmem.usage_in_bytes", "memory.failcnt", "memory.oom_control"};
inline constexpr std::size_t kReadOfQuiet = 1;  // of a container in which nothing has happened; else all

class Floor {
 public:
  enum class Files { that_the_sampler_reads, all };
  /// Its processes, as many as the limit of descriptors makes necessary, run in `cgroup`.
  Floor(const std::filesystem::path& cgroup, const Containers& containers, Files which);

  /// One after another: nanoseconds of CPU of them all.
  std::int64_t pass();
  std::int64_t held_files() const { return held_files_; }

 private:
  std::vector<Worker> workers_;
  std::int64_t held_files_ = 0;
};

}  // namespace cgmm::bench
