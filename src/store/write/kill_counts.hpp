// SPDX-License-Identifier: Apache-2.0
#pragma once

// The table `oom_count`: what the cgroups' counters of OOM kills tell, and how much of it is on record by other means.
// The rest has rows of source 'counter' in `oom_kill`. Used inside a transaction.

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "core/records.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

inline constexpr std::int64_t kClockSlack_us = 5 * base::kSecond_us;  // between the kernel log's clock and ours

inline constexpr std::int64_t kNoSlack_us = base::kSecond_us / 50;  // the kernel counts a kill before it logs it

/// Of the kills (as `k`) that the log tells of without a cgroup, and nobody has found it since.
inline constexpr const char* kIsUnnamed =
    " k.source = 'kernel_log' AND k.victim_path IS NULL AND k.cgroup_id IS NULL AND k.dropped_from IS NULL ";

class KillCounts {
 public:
  explicit KillCounts(Statements& sql) : sql_(sql) {}

  /// A row of `oom_count`: its key.
  struct Rise {
    std::int64_t at_us = 0;
    std::int64_t cgroup_id = 0;
  };

  /// A counter rose. `named_count`: kills on record whose cgroup is this one. Those of which no cgroup is known count
  /// as seen then, whosever they are; the rest become rows, 16 at most, of which the last stands for all that are left.
  void add(const core::CountedOomKills& counted, std::int64_t cgroup_id, std::int64_t since_us,
           std::uint64_t named_count);

  enum class Left : std::uint8_t {
    free,         // kills that have no row but by counter
    free_then,    // the same, without the slack: the rise that a kill belongs to may not have been read yet
    any_unnamed,  // kills that were seen as those whose cgroup is not known
    unnamed,      // the same, and more kills than those that are known to be its own
    unnamed_then  // the same, without the slack
  };
  /// The first rise around `at_us` that has such kills left: of the cgroup, or of one below `group_path`; with neither,
  /// of any cgroup.
  std::optional<Rise> find(std::int64_t at_us, std::optional<std::int64_t> cgroup_id, const std::string& group_path,
                           Left left);
  /// One of the free kills of a rise is on record by other means now. Its row by counter, which the caller replaces;
  /// nullopt: it has none of its own.
  std::optional<std::int64_t> claim(const Rise& rise, bool is_named);

  /// A kill is the cgroup's. What its counter rose by is no longer seen as a kill of anybody's. Before that is on
  /// record, what has been seen of the kill was anybody's. `is_settled`: all counters have been read since.
  void name(std::int64_t oom_kill_id, std::int64_t cgroup_id, bool is_settled);
  /// A kill of which no cgroup is known has been counted by any counter that rose then.
  void see(std::int64_t oom_kill_id, std::int64_t at_us);

 private:
  std::uint64_t see_unnamed(const core::CountedOomKills& counted, std::uint64_t left, std::int64_t since_us);
  void add_row(const Rise& rise, std::optional<std::int64_t> since_us, std::uint64_t kill_count = 1);
  void claim_and_drop(const Rise& rise, bool is_named);
  void displace(const Rise& rise, std::int64_t but_oom_kill_id, Left other_left);
  void give_back(std::int64_t at_us);

  Statements& sql_;
};

}  // namespace cgmm::store
