// SPDX-License-Identifier: Apache-2.0
#pragma once

// Parses single lines that the kernel logs about an OOM kill. Names in them are not escaped, so parsing begins at the
// ends that only the kernel writes. Pure: any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/records.hpp"

namespace cgmm::kernel {

inline constexpr std::string_view kTaskIn = "Task in ";
inline constexpr std::string_view kLimitOf = " killed as a result of limit of ";
inline constexpr std::string_view kLimitReached = "Memory limit reached of cgroup ";
inline constexpr std::string_view kTasksIn = "Tasks in ";
inline constexpr std::string_view kTask = ",task=";
inline constexpr std::string_view kGroupEnd = " are going to be killed due to memory.oom.group set";

/// More than any machine has. The sum of five does not overflow.
inline constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 56;
/// The kernel silently truncates one printk() at 975 to 1023 bytes (depending on its version). A path is one printk().
inline constexpr std::size_t kMayBeCutFrom = 960;

/// The messages that the kernel logs for one OOM event.
enum class OomMessage : std::uint8_t {
  other,
  invoked,        // C invoked oom-killer: ...
  task_in,        // Task in Q killed as a result of limit of P
  limit_reached,  // Memory limit reached of cgroup P
  usage,          // memory: usage ..., swap: usage ..., memory+swap: usage ..., kmem: usage ...
  stats,          // Memory cgroup stats for P:...
  oom_kill,       // oom-kill:constraint=...
  chosen,         // ...out of memory: Kill process N (C) score S or sacrifice child
  killed,         // [...out of memory: ]Killed process N (C) ...
  skipped,        // ...: OOM victim N (C) is already exiting. Skip killing the task
  group           // Tasks in P are going to be killed due to memory.oom.group set
};

/// A "Kill process" or a "Killed process" line.
struct OomProcess {
  std::optional<core::OomScope> scope;
  std::int64_t pid = 0;
  std::string_view comm;
  std::optional<std::int64_t> uid;
  std::string_view sizes;
};

OomMessage message_of(std::string_view text);
/// `what`: "Kill process " or "Killed process ".
std::optional<OomProcess> parse_process(std::string_view text, std::string_view what);
inline constexpr std::string_view kKill = "Kill process ";
inline constexpr std::string_view kKilled = "Killed process ";

/// What the process that ran into the shortage had asked for.
struct Invoked {
  std::optional<std::uint64_t> gfp_mask;
  std::optional<std::int64_t> order;  // 2^order pages in one piece; -1: nothing (SysRq)
  bool by_sysrq = false;
  std::string policy_nodes;  // Linux 4.9 to 4.18: the NUMA nodes of its memory policy; "": it has none, or not told
};
/// "java invoked oom-killer: gfp_mask=0x6200ca(GFP_HIGHUSER_MOVABLE), nodemask=(null), order=0, oom_score_adj=0".
Invoked parse_invoked(std::string_view text);

/// Before Linux 5.0: "java cpuset=task_0 mems_allowed=1". The NUMA nodes, if a cpuset other than the root's leaves some
/// out for certain: node 0. "": not that line, or it may be all nodes.
std::string_view cpuset_nodes_of(std::string_view text);

/// "sysrq: Manual OOM execution"; before Linux 4.20 "SysRq : Manual OOM execution", or both.
bool is_asked_by_sysrq(std::string_view text);

/// "usage 20480kB, limit 20480kB, failcnt 19".
struct UsageAndLimit {
  std::optional<std::uint64_t> usage_bytes, limit_bytes, fail_count;
};
UsageAndLimit parse_usage(std::string_view text);

/// Both may be "".
struct OomPaths {
  std::string_view limit, victim;
};

/// Splits two paths at a separator that may also occur in them: the victim's is at or below the limit's.
std::optional<OomPaths> split_paths(std::string_view text, std::string_view separator, bool limit_first);

/// The paths in "oom-kill:constraint=..." up to the ",task=".
OomPaths paths_of_context(std::string_view text, core::OomScope scope);
/// The constraint in "oom-kill:constraint=...". cpuset and memory_policy: of the node's processes one was chosen.
std::optional<core::OomScope> scope_of_constraint(std::string_view oom_kill);
/// The NUMA nodes in that line that its constraint allows: "0-1,3"; "": it has none, or they are not told.
std::string_view numa_nodes_of(std::string_view oom_kill);

/// The end of that line.
struct OomKillTail {
  std::string_view before;  // ...,task=C
  std::optional<std::int64_t> pid, uid;
};
std::optional<OomKillTail> tail_of(std::string_view oom_kill);

/// The text without ",task=C" at its end; "" if it does not end so.
std::string_view without_task(std::string_view text, const std::string& comm);

bool is_whole_path(std::string_view path);
std::optional<std::uint64_t> bytes_of_kib(std::optional<std::uint64_t> kib);

/// The number directly after a word, in a text that only the kernel writes.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view word);

}  // namespace cgmm::kernel
