// SPDX-License-Identifier: Apache-2.0
#pragma once

// The table `stuck`. Each scan says of every cgroup whether it is stuck, so a row begins and ends with what the scans
// say, and one that an earlier run left open goes on or ends like any other. Used inside a transaction.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/records.hpp"
#include "store/statement.hpp"
#include "store/write/sample_rows.hpp"

namespace cgmm::store {

class StuckRows {
 public:
  explicit StuckRows(Statements& sql) : sql_(sql) {}

  /// `places`: the rows of the scan, in the order of cgroup_id.
  void follow(const core::Scan& scan, std::span<const Place> places);

 private:
  struct Open {
    std::int64_t stuck_id = 0;
    std::int64_t cgroup_id = 0;
    std::string kind;
  };
  void follow(const Open& open, const core::Scan& scan, const Place* place, const core::Standstill* stuck);
  void end(std::int64_t stuck_id, std::optional<std::int64_t> at_us, std::string_view ended_by);
  void end_if_gone(const Open& open);
  void begin(const Place& place, const core::Standstill& stuck, std::int64_t at_us);

  Statements& sql_;
};

}  // namespace cgmm::store
