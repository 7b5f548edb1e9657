-- OOM kills for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table oom_kill. Those that changed after :after_revision, up to :to_revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.oom_kill_id, t.cgroup_id, t.killed_at_us, t.source, t.scope,
       t.victim_pid, t.victim_comm, t.anon_rss_bytes, t.file_rss_bytes, t.shmem_rss_bytes, t.cause, t.victim_uid,
       t.victim_path, t.limit_path, t.group_path, t.process_count, t.log_boot_id, t.log_sequence, t.counted_count,
       t.seen_count, t.keeps_samples, t.earliest_at_us, t.measured_by, t.measured_at_us, t.limit_bytes, t.usage_bytes,
       t.anon_bytes, t.shmem_bytes, t.kernel_bytes, t.cache_bytes, t.dirty_bytes, t.swap_bytes, t.grew_from_at_us,
       t.grew_from_bytes, t.grew_to_bytes, t.kill_count, t.last_killed_at_us, t.dropped_from, t.cgroup_by,
       t.candidate_count, t.slab_reclaimable_bytes, t.finer_scope, t.memory_limit_bytes, t.numa_nodes, t.alloc_order,
       t.end_told, t.listed_count, t.listed_rss_bytes, t.listed_swap_bytes, v.path, v.container_id, v.namespace, v.pod,
       v.container, v.name, coalesce(v.workload, t.dropped_from) AS workload, h.revision
  FROM change h
  JOIN oom_kill t ON t.oom_kill_id = h.row_id
  LEFT JOIN v_cgroup v ON v.cgroup_id = t.cgroup_id
 WHERE +h.kind = 3 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision
