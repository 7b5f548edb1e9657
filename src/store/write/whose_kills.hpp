// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whose the kills were that the kernel's log tells of without a cgroup. Each kill that a counter counts is in the log,
// if the log is complete. So when the log tells, in the time in which a cgroup's counter rose, of no more kills than
// make up for the rise, all of them are that cgroup's. Else they are anybody's whose counter rose then. Used inside a
// transaction.

#include <cstdint>

#include "store/statement.hpp"
#include "store/write/kill_counts.hpp"

namespace cgmm::store {

class WhoseKills {
 public:
  WhoseKills(Statements& sql, KillCounts& counts) : sql_(sql), counts_(counts) {}

  /// Decides about kills that the counters of all cgroups have been read after, and some seconds more.
  void settle(std::int64_t now_us);

 private:
  struct Counted {
    std::int64_t cgroup_id = 0;
    std::int64_t count = 0;
    std::int64_t from_us = 0, to_us = 0;
  };
  void take_back_moved(std::int64_t from_us, std::int64_t to_us);
  void drop_denied(std::int64_t from_us, std::int64_t to_us);
  void see_rest(std::int64_t from_us, std::int64_t to_us);
  bool name_certain(std::int64_t from_us, std::int64_t to_us);
  bool is_certain(const Counted& counted);
  void name_all(const Counted& counted);

  Statements& sql_;
  KillCounts& counts_;
};

}  // namespace cgmm::store
