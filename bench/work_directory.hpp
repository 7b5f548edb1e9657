// SPDX-License-Identifier: Apache-2.0
#pragma once

// A directory for a benchmark's files, on a real disk: databases and page cache on a tmpfs would be measured wrongly.
// /var/tmp is on one everywhere. Removed with the object.

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace cgmm::bench {

class WorkDirectory {
 public:
  WorkDirectory() : path_("/var/tmp/cgmm-bench-" + std::to_string(::getpid())) {
    std::filesystem::create_directory(path_);
  }
  ~WorkDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace cgmm::bench
