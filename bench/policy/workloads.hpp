// SPDX-License-Identifier: Apache-2.0
#pragma once

// What containers do with memory, fifteen ways. Each runs as a process in a cgroup of its own, with files of its own,
// and measures the operations that somebody would wait for.

#include <string>
#include <vector>

#include "policy/job.hpp"

namespace cgmm::bench::policy {

struct Workload {
  struct File {
    const char* name;
    double share;  // of the limit
    bool is_program = false;
  };
  const char* name;
  const char* title;
  std::vector<File> files;
  void (*run)(Job&);  // until it is killed
};

const std::vector<Workload>& workloads();
/// "all", or names with commas. Throws std::invalid_argument.
std::vector<const Workload*> workloads_named(const std::string& names);

/// This program's second life, as a workload's program that is executed again and again: touches all pages of its own
/// file, mapped as code is.
int touch_myself();

}  // namespace cgmm::bench::policy
