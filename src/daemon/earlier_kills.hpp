// SPDX-License-Identifier: Apache-2.0
#pragma once

// OOM kills between the runs of the service: the first reading of each cgroup's counter is compared with the last one
// of an earlier run, which may be known only after the first scans. Until then the counter and its kills are held back:
// on record, the counter would hide the kills from the next run. One thread.

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/records.hpp"

namespace cgmm::daemon {

class EarlierKills {
 public:
  using Totals = std::unordered_map<core::CgroupId, std::uint64_t>;

  /// What an earlier run has left. Once.
  void adopt(Totals totals);

  /// Adds to a scan what it tells of kills since the earlier run. `kills`: those that it tells of otherwise.
  void add_to(core::Scan& scan, std::vector<core::CountedOomKills>& kills);

 private:
  /// Readings of a counter that is held back, until the next scan of all cgroups at least.
  struct Held {
    core::CgroupId id;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };

  std::optional<std::uint64_t> between_runs(const Held& held) const;

  Totals earlier_;
  std::unordered_map<core::CgroupKey, Held> held_;
  bool is_adopted_ = false;
};

}  // namespace cgmm::daemon
