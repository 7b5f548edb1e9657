// SPDX-License-Identifier: Apache-2.0
#pragma once

// OOM kills out of the kernel's log: what Linux 3.10 to 7 print when a cgroup or the node runs out of memory.
// A cgroup's counter misses what is gone before the next scan; the log has it, with the victim and the memory
// at that moment. Pure, no I/O; one OomParser a thread. What it holds is bounded, whatever the log says.
//
// Paths that can't be told apart, or may have been cut off, are not told; a pid is always the one in the "Killed
// process" line.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/oom.hpp"
#include "core/values.hpp"
#include "kernel/log_record.hpp"
#include "kernel/memory_stat.hpp"
#include "kernel/oom_lines.hpp"

namespace cgmm::kernel {

/// Finds the kills in the records of a log, which are taken one by one in their order, all of them. A kill is
/// returned when the next event begins, or by flush(): the other processes of a cgroup with memory.oom.group
/// are logged after the victim.
class OomParser {
 public:
  std::optional<core::LoggedKill> take(const LogRecord& record);

  /// Nothing more came for a moment: the kill that is pending, if one is. A dump whose victim is still to
  /// come is kept.
  std::optional<core::LoggedKill> flush();

  /// Records were lost here: the same as flush(), but what has begun is dropped, since it may belong to
  /// another kill than what follows.
  std::optional<core::LoggedKill> lost_records();

  /// Whether a kill is waiting to be returned.
  bool pending() const { return event_.killed; }
  /// Of its last record, by the log's clock.
  std::int64_t last_at_us() const { return event_.at_us; }

 private:
  using Message = OomMessage;
  using Chosen = OomChosen;
  using Killed = OomKilled;

  struct Event {
    core::LoggedKill kill;
    bool killed = false;
    std::optional<core::OomScope> scope;
    std::optional<std::int64_t> chosen_pid;  // a thread or a child of it may be killed in its stead
    bool chosen_told = false;                // by a "Kill process" line, after which any pid may follow
    std::optional<std::int64_t> chosen_uid;
    std::int64_t at_us = 0;         // of the last record
    bool group = false;             // a kill by memory.oom.group is under way
    std::string task_in, oom_kill;  // to be taken apart when the victim is known
    std::unordered_set<std::int64_t> pids;

    bool in_stats = false;
    core::Values<v1::Stat> v1_stat;
    core::Values<v2::Stat> v2_stat;
    std::optional<std::uint64_t> usage_bytes, swap_bytes, memory_swap_bytes, kmem_bytes, limit_bytes;
  };

  std::optional<core::LoggedKill> finish();
  bool is_fragment(const LogRecord& record) const;
  void close_line();
  void note(const LogRecord& record);
  bool belongs(const LogRecord& record, const Killed& killed) const;
  std::optional<core::LoggedKill> take_chosen(const LogRecord& record, const Chosen& chosen);
  std::optional<core::LoggedKill> take_killed(const LogRecord& record, const Killed& killed);
  void take_stats(std::string_view text);
  void take_stats_line(std::string_view text);
  void resolve_paths(core::LoggedKill& kill) const;
  std::optional<core::MemoryAtKill> memory() const;

  Event event_;
  Message line_message_ = Message::other;
  std::string line_;  // that may not be complete: fragments of it may follow
};

}  // namespace cgmm::kernel
