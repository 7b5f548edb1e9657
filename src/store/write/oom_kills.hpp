// SPDX-License-Identifier: Apache-2.0
#pragma once

// The table `oom_kill`: every kill once, whether the kernel log or a counter told of it first, with what the history
// knows of the time before it. Used inside a transaction.

#include <cstdint>
#include <optional>

#include "core/oom_cause.hpp"
#include "core/records.hpp"
#include "store/statement.hpp"
#include "store/write/cgroup_rows.hpp"

namespace cgmm::store {

class OomKillRows {
 public:
  OomKillRows(Statements& sql, CgroupRows& cgroups) : sql_(sql), cgroups_(cgroups) {}

  /// Does nothing if the kill is on record already (same boot and sequence). Replaces a kill that a counter reported
  /// before.
  void record(const core::OomKill& kill);

  /// Those that the kernel log has not told of become rows of their own, 16 at most.
  void record(const core::CountedOomKills& counted);

  /// How far the kernel log has been read. An empty boot id: it is not read, so nothing in it is ours.
  void store_position(const core::LogPosition& position);

 private:
  /// The row of a tracked cgroup.
  std::optional<std::int64_t> holder_of(const core::OomKill& kill);
  std::int64_t take_place_of_counted(const core::OomKill& kill, std::optional<std::int64_t>& cgroup_id);
  std::uint64_t match_with_log(const core::CountedOomKills& counted, std::int64_t cgroup_id);
  /// From what its row says. Again when its cgroup becomes known.
  void explain(std::int64_t oom_kill_id);
  core::OomEvidence evidence_of(std::int64_t oom_kill_id);

  Statements& sql_;
  CgroupRows& cgroups_;
};

}  // namespace cgmm::store
