// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tables `reclaim`, `reclaim_effect` and `cooldown`. Used inside a transaction.

#include <cstdint>

#include "core/records.hpp"
#include "store/statement.hpp"
#include "store/write/cgroup_rows.hpp"

namespace cgmm::store {

class ReclaimRows {
 public:
  ReclaimRows(Statements& sql, CgroupRows& cgroups) : sql_(sql), cgroups_(cgroups) {}

  /// What is added to a reclaim's number, because they count from 1 in every run.
  void set_reclaims_before(std::int64_t count) { reclaims_before_ = count; }
  std::int64_t reclaims_before() const { return reclaims_before_; }

  /// The same number again replaces the row.
  void record(const core::Reclaim& reclaim);
  void record(const core::Effect& effect);
  void record(const core::CgroupCooldown& one);

 private:
  Statements& sql_;
  CgroupRows& cgroups_;
  std::int64_t reclaims_before_ = 0;
};

}  // namespace cgmm::store
