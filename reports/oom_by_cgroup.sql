-- OOM kills by cgroup (top ten)
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups in which processes were OOM-killed. `oom_kills` lists the kills.
-- What a cgroup is called: part_named_kill.sql.
SELECT o.cgroup,
       CAST(total(o.kill_count) AS INTEGER) AS oom_kills,
       min(o.killed_at_us) AS first_at_us,
       max(coalesce(o.last_killed_at_us, o.killed_at_us)) AS last_at_us,
       c.first_seen_at,
       o.path
  FROM (named_kill) o
  LEFT JOIN v_cgroup c USING (cgroup_id)
 GROUP BY o.cgroup_id, o.cgroup
 ORDER BY oom_kills DESC, last_at_us DESC
 LIMIT 10;
