// SPDX-License-Identifier: Apache-2.0
#pragma once

// Appends scans to the table `sample`. Used inside a transaction.

#include <cstdint>
#include <span>
#include <vector>

#include "core/records.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

/// Where a scan has a cgroup's row.
struct Place {
  std::int64_t cgroup_id = 0;
  std::size_t index = 0;
  std::uint64_t missed_oom_kills = 0;  // between the runs of the service, which the row does not have
};

/// In the order of `places`, which is that of cgroup_id: the order of the table's key. When it throws, some rows may
/// be in the table: the transaction has to be rolled back.
void append_samples(Statements& sql, std::int64_t scan_id, const std::vector<core::ScanRow>& rows,
                    std::span<const Place> places);

}  // namespace cgmm::store
