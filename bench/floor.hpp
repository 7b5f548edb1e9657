// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the kernel itself takes for the numbers of a scan: its files, held open, each read once, and nothing done with
// what they say. No program that reads them can be cheaper.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "containers.hpp"
#include "process.hpp"

namespace cgmm::bench {

class Floor {
 public:
  /// Its processes, as many as the limit of descriptors makes necessary, run in `cgroup`.
  Floor(const std::filesystem::path& cgroup, kernel::Version version, const Containers& containers);

  /// One after another: nanoseconds of CPU of them all.
  std::int64_t pass();
  std::int64_t held_files() const { return held_files_; }

 private:
  std::vector<Worker> workers_;
  std::int64_t held_files_ = 0;
};

}  // namespace cgmm::bench
