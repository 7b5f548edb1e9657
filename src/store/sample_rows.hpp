// SPDX-License-Identifier: Apache-2.0
#pragma once

// The table `sample`: a scan is appended by one statement, which takes its rows from a virtual table over the scan in
// memory. Against a statement a row with its 21 bindings that is half the processor time, for the end of the table is
// looked for once. Used by the thread that owns the connection, inside a transaction.

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <span>

#include "core/records.hpp"

namespace cgmm::store {

/// Where a scan has a cgroup's row.
struct Place {
  std::int64_t cgroup_id = 0;
  core::CgroupKey key = 0;
  std::uint32_t index = 0;
};

class SampleRows {
 public:
  explicit SampleRows(SQLite::Database& database);
  SampleRows(const SampleRows&) = delete;
  SampleRows& operator=(const SampleRows&) = delete;

  /// In the order of `places`, which is that of cgroup_id. When it throws, some may be in the table: the transaction
  /// has to be rolled back.
  void append(std::int64_t scan_id, const core::ScanRow* rows, std::span<const Place> places);

  struct Batch {
    std::int64_t scan_id = 0;
    const core::ScanRow* rows = nullptr;
    std::span<const Place> places;
  };

 private:
  Batch batch_;  // what the virtual table has in it
  SQLite::Statement append_;
};

}  // namespace cgmm::store
