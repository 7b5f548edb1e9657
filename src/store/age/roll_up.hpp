// SPDX-License-Identifier: Apache-2.0
#pragma once

// The table `sample_hour`: every hour that is over gets a row for each cgroup, made of its samples. A slice is a few
// cgroups. Only the end of an hour is put on record (table `rolled_up`): what a crash interrupts is begun again, with
// the same result. An hour that comes twice, because the clock was set back, is made anew of all its scans.

#include <cstdint>
#include <optional>

#include "store/statement.hpp"

namespace cgmm::store {

class RollUp {
 public:
  explicit RollUp(Statements& sql) : sql_(sql) {}

  /// One slice; false when there was nothing to do: every hour that is over at `now_us` is rolled up.
  bool work(std::int64_t now_us);

  /// Samples of the scans up to this one are in sample_hour; 0: none are.
  std::int64_t reaches_scan_id();

  /// The transaction was rolled back.
  void undo() { hour_.reset(); }

 private:
  struct Hour {
    std::int64_t began_at_us = 0;
    std::int64_t last_scan_id = 0;     // of the scans in a row that are rolled up with it
    std::int64_t cgroups_at_once = 1;  // so that a slice reads a bounded number of samples
    std::int64_t after_cgroup_id = 0;  // cgroups up to this one are done
    bool has_archived = false;         // some of its samples are in the archive
  };

  bool find_hour(std::int64_t now_us);

  Statements& sql_;
  std::optional<Hour> hour_;
  bool knows_archive_ = false;  // the connection does
};

}  // namespace cgmm::store
