// SPDX-License-Identifier: Apache-2.0
#pragma once

// The table `oom_kill`: every kill once, whether the kernel log or a counter told of it first, with what the history
// knows of the time before it. Used inside a transaction.

#include <cstdint>
#include <optional>
#include <string>

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
  struct Victim {
    std::int64_t oom_kill_id = 0;
    std::optional<std::int64_t> cgroup_id;
    std::int64_t killed_at_us = 0;
    bool by_counter = false;  // the sample at killed_at_us is from after the kill
  };
  /// The row of a tracked cgroup, and its path.
  struct Held {
    std::int64_t cgroup_id = 0;
    std::string path;
  };
  std::optional<Held> holder_of(const core::OomKill& kill);
  std::int64_t take_place_of_counted(const core::OomKill& kill, std::optional<std::int64_t>& cgroup_id);
  std::uint64_t match_with_log(const core::CountedOomKills& counted, std::int64_t cgroup_id);
  void add_counted(const core::CountedOomKills& counted, std::int64_t cgroup_id);
  void explain(const Victim& victim, const core::OomEvidence& evidence);
  void explain_again(const Victim& victim, const std::string& path);
  core::OomEvidence evidence_of(const Victim& victim);

  Statements& sql_;
  CgroupRows& cgroups_;
};

}  // namespace cgmm::store
