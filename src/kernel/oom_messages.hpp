// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds OOM kills in the kernel log, as Linux 3.10 to 7 print them when a cgroup or the node runs out of memory, or by
// SysRq. A path that is ambiguous or may be truncated is left empty. Each OomParser belongs to one thread, and its
// memory is bounded.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/records.hpp"
#include "core/sample.hpp"
#include "kernel/kernel_log.hpp"
#include "kernel/memory_stat.hpp"
#include "kernel/oom_dump.hpp"
#include "kernel/oom_lines.hpp"

namespace cgmm::kernel {

/// Takes all records of the kernel log in order. A kill is returned when the next event begins, or by flush(), because
/// with memory.oom.group the other processes are logged after the victim.
class OomParser {
 public:
  std::optional<core::LoggedKill> take(const LogRecord& record);

  /// No more records came for a moment: returns the pending kill. A dump without its victim stays.
  std::optional<core::LoggedKill> flush();

  /// Records were lost: returns the pending kill, or the one that has begun. A dump without a victim is dropped: what
  /// follows may belong to another.
  std::optional<core::LoggedKill> lost_records();

  /// The log has named a victim, and not yet said that it was killed. Some kernels never do.
  bool has_begun() const;
  /// It has not said so for seconds: returns the kill without its end.
  std::optional<core::LoggedKill> give_up() { return has_begun() ? lost_records() : std::nullopt; }

  bool pending() const { return event_.killed; }
  /// What is known of the pending kill so far.
  core::LoggedKill pending_kill() const {
    core::LoggedKill kill = event_.kill;
    resolve_paths(kill);
    return kill;
  }
  /// Of the last record of the kill that is pending or has begun, by the kernel log's clock.
  std::int64_t last_at_us() const { return event_.at_us; }

 private:
  struct Chosen {
    std::optional<std::int64_t> pid;  // the kernel may kill one of its threads or children instead
    std::string comm;
    std::optional<std::int64_t> uid;
    bool is_told = false;  // by a "Kill process" line, after which any pid may follow
  };
  struct Event {
    core::LoggedKill kill;
    bool killed = false;
    std::optional<core::OomScope> scope;
    Chosen chosen;
    std::int64_t at_us = 0;         // of the last record
    bool group = false;             // a kill by memory.oom.group is under way
    std::string task_in, oom_kill;  // parsed when the victim is known
    std::unordered_set<std::int64_t> pids;

    bool in_stats = false;
    std::map<std::string, std::uint64_t, std::less<>> stat;
    std::map<std::string, UsageAndLimit, std::less<>> usages;  // of memory, swap, memory+swap, kmem
    std::optional<Invoked> asked;                              // nullopt: the begin of the event was not logged
    std::string cpuset_nodes;                                  // see cpuset_nodes_of()
    OomDumpReader dump;
  };

  std::optional<core::LoggedKill> finish();
  void take_other(const LogRecord& record, std::string_view text);
  void take_invoked(std::string_view text);
  void take_chosen_for_killed();
  bool is_fragment(const LogRecord& record) const;
  bool begins_event(OomMessage message) const;
  void begin_line(OomMessage message, std::string_view text);
  void close_line();
  void note(const LogRecord& record);
  bool belongs(const LogRecord& record, const OomProcess& killed) const;
  std::optional<core::LoggedKill> take_chosen(const LogRecord& record, const OomProcess& chosen);
  std::optional<core::LoggedKill> take_killed(const LogRecord& record, const OomProcess& killed);
  void take_stat(std::string_view key, std::uint64_t bytes, bool sum);
  void take_stats(std::string_view text);
  void take_stats_line(std::string_view text);
  void resolve_paths(core::LoggedKill& kill) const;
  UsageAndLimit usage(std::string_view name) const;
  bool has_hit_memory_and_swap() const;
  core::OomScope scope() const;
  std::optional<core::MemoryAtKill> memory() const;
  void add_dump(core::LoggedKill& kill) const;

  Event event_;
  OomMessage line_message_ = OomMessage::other;
  std::string line_;                         // may be incomplete: fragments may follow
  std::optional<std::int64_t> sysrq_at_us_;  // somebody has asked for a kill
};

}  // namespace cgmm::kernel
