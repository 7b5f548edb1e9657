// SPDX-License-Identifier: Apache-2.0
#pragma once

// Appends scans to the table `sample`. Used inside a transaction.

#include <cstdint>
#include <optional>
#include <span>

#include "core/records.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

/// What a sample takes at most, with its page's unused part.
inline constexpr std::int64_t kSampleBytes = 150;

/// A row of a scan, and the cgroup's row.
struct Place {
  std::int64_t cgroup_id = 0;
  const core::ScanRow* row = nullptr;
  std::uint64_t missed_oom_kills = 0;  // before the cgroup's first sample since it was found; the row lacks them
  std::optional<std::int64_t> missed_since_us;  // they are later than this; nullopt: since the end of an earlier run
};

/// `places` are in the order of cgroup_id, as the table's key. When it throws, some rows may be in the table: the
/// transaction has to be rolled back.
void append_samples(Statements& sql, std::int64_t scan_id, std::span<const Place> places);

}  // namespace cgmm::store
