// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `check` needs to know about the kernel and this process's rights. Only reads. Any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/hierarchy.hpp"
#include "kernel/tree.hpp"

namespace cgmm::kernel {

struct Inspection {
  std::vector<std::string> watched;  // paths of the cgroups that would be tracked
  std::size_t container_count = 0;   // of these
  std::int64_t left_out_count = 0;   // over the bounds
  std::string first_error;           // from reading the tree and one cgroup; empty: none
  std::optional<bool> can_reclaim;   // the control file is there; nullopt: no cgroup to try it on
  std::optional<bool> may_reclaim;   // the control file may be written
  std::string reclaim_file;          // the one that was tried
  std::string reclaim_refusal;       // why it may not be written
  bool pressure = false;             // the kernel keeps pressure stall information
  std::uint64_t swap_bytes = 0;      // of the machine
};

Inspection inspect(const Hierarchy& hierarchy, Watch watch, std::size_t max_cgroups);

}  // namespace cgmm::kernel
