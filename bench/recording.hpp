// SPDX-License-Identifier: Apache-2.0
#pragma once

// What it takes to put scans on record, as daemon/recorder does it, but without its waiting: scans of real cgroups
// follow each other as fast as they can, in a time that is made up. Their numbers are made up too (made_up.hpp), for
// within milliseconds nothing happens in a container.

#include <cstdint>
#include <filesystem>

namespace cgmm::bench {

struct Recorded {
  std::int64_t scan_count = 0;  // the first is not counted, which announces every cgroup
  std::int64_t sample_count = 0;
  std::int64_t log_bytes = 0;         // written by commits
  std::int64_t checkpoint_bytes = 0;  // written by checkpoints and maintenance
  std::int64_t file_bytes = 0;        // that the file has grown by, once all is taken up
  std::int64_t commit_cpu_us = 0;
  std::int64_t maintenance_cpu_us = 0;
  std::int64_t slowest_commit_us = 0;
  std::int64_t slowest_commit_cpu_us = 0;
  std::int64_t slowest_maintenance_us = 0;
};

/// Runs in the calling process. `directory` is on a real disk.
Recorded record_scans(const std::filesystem::path& parent, const std::filesystem::path& directory,
                      std::int64_t scan_count);

}  // namespace cgmm::bench
