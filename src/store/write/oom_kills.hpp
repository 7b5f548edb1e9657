// SPDX-License-Identifier: Apache-2.0
#pragma once

// The table `oom_kill`: every kill once, whether the kernel log or a counter told of it first, with what the history
// knows of the time before it. Used inside a transaction.

#include <cstdint>
#include <optional>
#include <string>

#include "core/records.hpp"
#include "store/statement.hpp"
#include "store/write/cgroup_rows.hpp"
#include "store/write/kill_counts.hpp"
#include "store/write/whose_kills.hpp"

namespace cgmm::store {

class OomKillRows {
 public:
  OomKillRows(Statements& sql, CgroupRows& cgroups) : sql_(sql), cgroups_(cgroups) {}

  /// Does nothing if the kill is on record already (same boot and sequence). Replaces a kill that a counter reported
  /// before.
  void record(const core::OomKill& kill);

  /// Those that the kernel log has not told of become rows of their own, 16 at most.
  void record(const core::CountedOomKills& counted);

  /// Decides whose the kills were of which the log names no cgroup: where it can be one cgroup only, that one; else
  /// which ones it can have been. Only of kills that all counters have been read after. `now_us`: of the scan that
  /// begins.
  void settle(std::int64_t now_us) { whose_.settle(now_us); }

  /// How far the kernel log has been read. An empty boot id: it is not read, so nothing in it is ours.
  void store_position(const core::LogPosition& position);

 private:
  std::optional<std::int64_t> holder_of(const core::OomKill& kill);
  std::optional<std::int64_t> row_of_path(const core::OomKill& kill, const std::string& path);
  std::int64_t take_place_of_counted(const core::OomKill& kill, std::optional<std::int64_t> cgroup_id);
  void store_log(std::int64_t oom_kill_id, const core::OomKill& kill, std::optional<std::int64_t> cgroup_id);
  bool ends_a_begun_one(const core::OomKill& kill);
  std::uint64_t match_named(const core::CountedOomKills& counted, std::int64_t cgroup_id, std::int64_t since_us);

  Statements& sql_;
  CgroupRows& cgroups_;
  KillCounts counts_{sql_};
  WhoseKills whose_{sql_, counts_};
};

}  // namespace cgmm::store
