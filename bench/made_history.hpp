// SPDX-License-Identifier: Apache-2.0
#pragma once

// Histories of containers that nobody has run, written by the store as the service does it.

#include <cstdint>
#include <filesystem>

#include "core/records.hpp"

namespace cgmm::bench {

inline constexpr core::CgroupKey kReplicas = 4;  // of each workload

struct MadeHistory {
  std::int64_t end_us = 0;
  std::int64_t length_us = 0;
  std::int64_t full_us = 0;  // the last part of it has a scan every 10 s, the others one an hour
  core::CgroupKey containers = 200;
  bool is_archived = false;  // and all samples are kept
};

core::CgroupId id_of(core::CgroupKey key);

/// All containers are busy, so that the samples take much room. In the archive they are lifelike (made_up.hpp), so that
/// it takes as much as on a node. A reclaim every ten minutes and an OOM kill every six hours beside the scans.
void make_history(const std::filesystem::path& file, const MadeHistory& made);

}  // namespace cgmm::bench
