// SPDX-License-Identifier: Apache-2.0
#pragma once

// Appends scans to the table `sample`. Used by the thread that owns the connection, inside a transaction.

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <span>

#include "core/records.hpp"

namespace cgmm::store {

/// Where a scan has a cgroup's row.
struct Place {
  std::int64_t cgroup_id = 0;
  const core::TrackedCgroup* cgroup = nullptr;
  std::uint32_t index = 0;
};

class SampleRows {
 public:
  explicit SampleRows(SQLite::Database& database);

  /// In the order of `places`, which is that of cgroup_id: the order of the table's key. When it throws, some rows may
  /// be in the table: the transaction has to be rolled back.
  void append(std::int64_t scan_id, const core::ScanRow* rows, std::span<const Place> places);

 private:
  SQLite::Statement append_many_;
  SQLite::Statement append_one_;  // what is left of a scan
};

}  // namespace cgmm::store
