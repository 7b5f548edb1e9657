// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the kernel itself takes for the numbers of a scan: its files, held open, each read once, and nothing done with what they
// say. No program that reads them can be cheaper.

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "process.hpp"

namespace cgmm::bench {

/// The files of kernel/v1.cpp. The floor has those that the sampler reads in every scan; keep the two equal.
struct ReadFile {
  const char* name;
  bool in_every_scan;
};
inline constexpr std::array<ReadFile, 6> kReadFiles = {{
    {"memory.stat", true},
    {"memory.usage_in_bytes", true},
    {"memory.kmem.usage_in_bytes", true},
    {"memory.failcnt", true},
    {"memory.oom_control", true},
    {"memory.limit_in_bytes", false},  // once a minute
}};

class Floor {
 public:
  /// Its processes, as many as the limit of descriptors makes necessary, run in `cgroup`.
  Floor(const std::filesystem::path& cgroup, const std::vector<std::filesystem::path>& containers);

  /// One after another: nanoseconds of CPU of them all.
  std::int64_t pass();
  std::int64_t held_files() const { return held_files_; }

 private:
  std::vector<Worker> workers_;
  std::int64_t held_files_ = 0;
};

}  // namespace cgmm::bench
