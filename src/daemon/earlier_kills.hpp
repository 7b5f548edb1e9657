// SPDX-License-Identifier: Apache-2.0
#pragma once

// OOM kills between the runs of the service: the kernel's counters, as an earlier run saw them last, are compared with
// the first reading of each cgroup in this run. The earlier ones may be known only after the first scans. Until then a
// counter that is not 0 is kept out of the scans, with the kills that it tells of: on record before them, it would hide
// them from the next run. One thread.

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

  /// Adds to a scan, whole or partial, what it tells of kills since the earlier run. `kills`: those that it tells of
  /// otherwise.
  void add_to(core::Scan& scan, std::vector<core::CountedOomKills>& kills);

 private:
  /// A counter that is kept out of the scans.
  struct Held {
    core::CgroupId id;
    std::uint64_t first = 0;  // reading
    std::uint64_t last = 0;
  };

  void hold(core::Scan& scan, std::vector<core::CountedOomKills>& kills);
  void tell_held(core::Scan& scan, std::vector<core::CountedOomKills>& kills);

  Totals earlier_;
  std::unordered_map<core::CgroupKey, Held> held_;
  bool is_adopted_ = false;
};

}  // namespace cgmm::daemon
