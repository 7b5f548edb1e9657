-- OOM kills
-- SPDX-License-Identifier: Apache-2.0
-- OOM kills, newest first. `kills`: how many the row stands for, up to last_at; what comes after ten of a
-- cgroup in an hour is one row, with the victim of the first. A kill without a path hit a process outside
-- the tracked cgroups. A kill that is known only from a counter has no victim's name, and its time is up to
-- one interval late. With memory.oom.group one kill ends several processes. `incident show ID` shows everything about
-- one kill. cgroup_by says how the cgroup is known (schema/0006). cgroup and workload: part_named_kill.sql.
-- scope says what ran out (schema/0007). end_told is 0 where the kernel's log begins the kill and does not end it.
-- Most important first: id, killed_at_us, cgroup, kills, victim_comm, cause, limit_bytes, anon_rss_bytes, scope, workload
SELECT o.oom_kill_id AS id,
       o.killed_at_us,
       o.cgroup,
       o.workload,
       o.victim_comm,
       o.victim_pid,
       o.process_count,
       o.anon_rss_bytes,
       o.file_rss_bytes,
       o.shmem_rss_bytes,
       coalesce(o.finer_scope, o.scope) AS scope,
       o.cause,
       o.limit_bytes,
       o.source,
       o.cgroup_by,
       nullif(o.limit_path, o.path) AS other_limit_path,
       o.kill_count AS kills,
       o.last_killed_at_us AS last_at_us,
       o.path,
       o.numa_nodes,
       o.end_told IS NULL AS end_told
  FROM (named_kill) o
 ORDER BY o.killed_at_us DESC, o.oom_kill_id DESC;
