// SPDX-License-Identifier: Apache-2.0
#pragma once

// The kills of one cgroup in one hour of the clock have a row each up to kOwnRows; the following become one row, with a
// count and the time of the first and of the last. So a loop of kills pushes nothing else out of the history.

#include <cstdint>

#include "store/statement.hpp"

namespace cgmm::store {

class RepeatedKills {
 public:
  static constexpr std::int64_t kOwnRows = 10;

  explicit RepeatedKills(Statements& sql) : sql_(sql) {}

  /// One slice of some hundred rows, inside a transaction. False: there was nothing to do. A kill is left alone for a
  /// minute, in which log and counters tell of it.
  bool work(std::int64_t now_us);

  /// The transaction was rolled back.
  void undo() { to_us_ = 0; }

 private:
  Statements& sql_;
  std::int64_t to_us_ = 0;  // kills up to this instant are dealt with, 0: it is not known which;
  std::int64_t to_id_ = 0;  // of that instant up to this one
};

}  // namespace cgmm::store
