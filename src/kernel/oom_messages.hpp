// SPDX-License-Identifier: Apache-2.0
#pragma once

// OOM kills out of the kernel's log: what Linux 3.10 to 7 print when a cgroup or the node runs out of memory.
// A cgroup's counter misses what is gone before the next scan; the log has it, with the victim and the memory
// at that moment. Pure, no I/O; one OomParser a thread. What it holds is bounded, whatever the log says.
//
// The log is text that was written to be read. What a process or a cgroup is called stands in it as it is
// (separators, brackets and line feeds included), so lines are taken apart from the ends that only the kernel
// writes. Paths that can't be told apart, or may have been cut off, are not told; a pid is always the one in
// the "Killed process" line.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/oom.hpp"
#include "core/values.hpp"
#include "kernel/memory_stat.hpp"

namespace cgmm::kernel {

/// One record of /dev/kmsg.
struct LogRecord {
  // Level (0 to 7) + 8 * facility. Facility 0 is the kernel's, which the kernel lets nobody else use.
  unsigned priority = 0;
  std::uint64_t sequence = 0;
  std::int64_t at_us = 0;  // the log's clock: since boot, not counting suspend
  // A fragment: the rest of a line that another message, or its length, broke; before Linux 4.9 also its
  // begin.
  bool continued = false;
  std::string text;  // without its line feed and the KEY=value lines below it; any bytes but NUL

  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

/// What one read() of /dev/kmsg returns: "priority,sequence,microseconds,flag[,more];text\n KEY=value\n".
/// nullopt for anything else.
std::optional<LogRecord> parse_record(std::string_view raw);

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

 private:
  /// The kernel's messages of which an event consists.
  enum class Message : std::uint8_t {
    other,
    invoked,        // C invoked oom-killer: ...
    task_in,        // Task in Q killed as a result of limit of P
    limit_reached,  // Memory limit reached of cgroup P
    memory,         // memory: usage ...
    swap,           // swap: usage ...
    memory_swap,    // memory+swap: usage ...
    kmem,           // kmem: usage ...
    stats,          // Memory cgroup stats for P:...
    oom_kill,       // oom-kill:constraint=...
    kill,           // ...out of memory: Kill process N (C) score S or sacrifice child
    killed,         // [...out of memory: ]Killed process N (C) ...
    skipped,        // ...: OOM victim N (C) is already exiting. Skip killing the task
    group           // Tasks in P are going to be killed due to memory.oom.group set
  };

  /// A "Kill process" line.
  struct Chosen {
    core::OomScope scope = core::OomScope::cgroup;
    std::int64_t pid = 0;
  };

  /// A "Killed process" line.
  struct Killed {
    std::optional<core::OomScope> scope;
    std::int64_t pid = 0;
    std::string_view comm;
    std::optional<std::int64_t> uid;
    std::string_view sizes;
  };

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

  static std::optional<Chosen> parse_chosen(std::string_view text);
  static std::optional<Killed> parse_killed(std::string_view text);
  static Message message_of(std::string_view text);
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
