-- OOM kills
-- SPDX-License-Identifier: Apache-2.0
-- OOM kills of all nodes, newest first, as in reports/oom_kills.sql. `id` is the number on that node.
-- Most important first: node, id, killed_at_us, cgroup, kills, victim_comm, cause, limit_bytes, anon_rss_bytes, scope, workload
SELECT node,
       oom_kill_id AS id,
       killed_at_us,
       killed_cgroup AS cgroup,
       subject AS workload,
       victim_comm,
       victim_pid,
       process_count,
       anon_rss_bytes,
       file_rss_bytes,
       shmem_rss_bytes,
       coalesce(finer_scope, scope) AS scope,
       cause,
       limit_bytes,
       source,
       cgroup_by,
       multiIf(limit_path = path, NULL, limit_path) AS other_limit_path,
       kill_count AS kills,
       last_killed_at_us AS last_at_us,
       path,
       numa_nodes,
       end_told IS NULL AS end_told
  FROM (killed)
 ORDER BY killed_at_us DESC, node, oom_kill_id DESC;
