// SPDX-License-Identifier: Apache-2.0
#pragma once

// An OOM kill as the kernel log describes it. Plain data, made by one thread and moved to another.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/sample.hpp"

namespace cgmm::core {

/// What ran out: a cgroup reached its limit, or the node had no memory left.
enum class OomScope : std::uint8_t { cgroup, node };

/// The memory of the cgroup that hit its limit, including its descendants, at the moment of the kill, as the kernel
/// printed it. A node-wide kill has none.
struct MemoryAtKill {
  Gauges gauges;                             // bytes
  std::optional<std::uint64_t> limit_bytes;  // nullopt: none, or not known

  friend bool operator==(const MemoryAtKill&, const MemoryAtKill&) = default;
};

/// One OOM kill from the kernel log. With memory.oom.group one kill ends several processes.
struct LoggedKill {
  std::uint64_t sequence = 0;  // of its last log record
  std::int64_t logged_at_us =
      0;  // the log's clock (since boot, not counting suspend), of the record that named the victim
  OomScope scope = OomScope::cgroup;
  std::string limit_path;   // the cgroup that hit its limit, below the hierarchy's root; "": node-wide, or not known
  std::string victim_path;  // the victim's cgroup; "": not known (the kernel limits how often it logs it)
  std::string group_path;   // memory.oom.group: all processes below this cgroup were killed; "": only the victim
  std::optional<std::int64_t> victim_pid;
  std::string victim_comm;  // at most 15 bytes, any but NUL
  std::optional<std::int64_t> victim_uid;
  std::optional<std::uint64_t> anon_rss_bytes, file_rss_bytes, shmem_rss_bytes;  // of the victim
  std::int64_t process_count = 1;                                                // that were killed, each counted once
  std::int64_t counted_count =
      1;  // by how much the kernel raises the counter: a victim is counted again as one of its group
  std::optional<MemoryAtKill> memory;

  friend bool operator==(const LoggedKill&, const LoggedKill&) = default;
};

}  // namespace cgmm::core
