// SPDX-License-Identifier: Apache-2.0
#include "store/write/oom_dumps.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cgmm::store {
namespace {

std::optional<std::int64_t> count_of(const std::optional<core::ProcessTable>& table) {
  return table ? std::optional(table->count) : std::nullopt;
}
std::optional<std::uint64_t> sum_of(const std::optional<core::ProcessTable>& table,
                                    std::uint64_t core::ProcessTable::* sum) {
  return table ? std::optional((*table).*sum) : std::nullopt;
}

void store_processes(Statements& sql, std::int64_t oom_kill_id, const core::ProcessTable& table) {
  std::int64_t place = 0;
  for (const core::ListedProcess& process : table.top) {
    sql.execute(
        "INSERT INTO oom_process (oom_kill_id, place, pid, comm, uid, rss_bytes, anon_bytes, file_bytes, shmem_bytes, "
        "swap_bytes, oom_score_adj) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        oom_kill_id, ++place, process.pid, process.comm, process.uid, std::optional(process.rss_bytes),
        process.anon_bytes, process.file_bytes, process.shmem_bytes, process.swap_bytes, process.oom_score_adj);
  }
}

void store_node(Statements& sql, std::int64_t oom_kill_id, const core::NodeMemory& node) {
  sql.execute(
      "INSERT INTO oom_node (oom_kill_id, total_bytes, free_bytes, active_anon_bytes, inactive_anon_bytes, "
      "active_file_bytes, inactive_file_bytes, shmem_bytes, slab_reclaimable_bytes, slab_unreclaimable_bytes, "
      "dirty_bytes, writeback_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      oom_kill_id, node.total_bytes, node.free_bytes, node.active_anon_bytes, node.inactive_anon_bytes,
      node.active_file_bytes, node.inactive_file_bytes, node.shmem_bytes, node.slab_reclaimable_bytes,
      node.slab_unreclaimable_bytes, node.dirty_bytes, node.writeback_bytes);
}

}  // namespace

void store_dump(Statements& sql, std::int64_t oom_kill_id, const core::LoggedKill& kill) {
  const bool is_plain = kill.scope == core::OomScope::cgroup || kill.scope == core::OomScope::node;
  const core::OomDump& dump = kill.dump;
  sql.execute(
      "UPDATE oom_kill SET finer_scope = nullif(?2, ''), memory_limit_bytes = ?3, numa_nodes = nullif(?4, ''), "
      "alloc_order = ?5, end_told = ?6, listed_count = ?7, listed_rss_bytes = ?8, listed_swap_bytes = ?9 "
      "WHERE oom_kill_id = ?1",
      oom_kill_id, is_plain ? std::string_view() : to_string(kill.scope),
      kill.memory ? kill.memory->memory_limit_bytes : std::nullopt, dump.numa_nodes, dump.order,
      dump.is_end_told ? std::nullopt : std::optional(std::int64_t{0}), count_of(dump.processes),
      sum_of(dump.processes, &core::ProcessTable::rss_bytes), sum_of(dump.processes, &core::ProcessTable::swap_bytes));
  drop_dump(sql, oom_kill_id);
  if (dump.processes) store_processes(sql, oom_kill_id, *dump.processes);
  if (dump.node) store_node(sql, oom_kill_id, *dump.node);
}

void drop_dump(Statements& sql, std::int64_t oom_kill_id) {
  sql.execute("DELETE FROM oom_process WHERE oom_kill_id = ?1", oom_kill_id);
  sql.execute("DELETE FROM oom_node WHERE oom_kill_id = ?1", oom_kill_id);
}

}  // namespace cgmm::store
