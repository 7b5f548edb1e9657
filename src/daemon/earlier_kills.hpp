// SPDX-License-Identifier: Apache-2.0
#pragma once

// OOM kills between the runs of the service: the kernel's counters, as an earlier run saw them last, are compared with
// the first reading of each cgroup in this run. The earlier ones may be known only after the first scans. One thread.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/records.hpp"

namespace cgmm::daemon {

class EarlierKills {
 public:
  using Totals = std::unordered_map<core::CgroupId, std::uint64_t>;

  /// What an earlier run has left. Once.
  void adopt(Totals totals);

  /// Adds to a scan what it tells of kills since the earlier run.
  void add_to(core::Scan& scan, std::vector<core::CountedOomKills>& kills);

 private:
  void tell_late(core::Scan& scan, std::vector<core::CountedOomKills>& kills);

  Totals earlier_;
  // Readings of this run, until the earlier ones are known; but for those that are 0.
  std::unordered_map<core::CgroupKey, std::uint64_t> first_;
  bool is_adopted_ = false;
};

}  // namespace cgmm::daemon
