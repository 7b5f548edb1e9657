-- OOM kills by cgroup (top ten)
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups in which processes were OOM-killed. `oom_kills` lists the kills.
-- Not known: the kernel's log does not name the cgroup, and it can have been one of several.
SELECT coalesce(c.name, o.dropped_from, iif(o.victim_path IS NULL, '(not known)', '(not tracked)')) AS cgroup,
       CAST(total(o.kill_count) AS INTEGER) AS oom_kills,
       min(o.killed_at_us) AS first_at_us,
       max(coalesce(o.last_killed_at_us, o.killed_at_us)) AS last_at_us,
       c.first_seen_at,
       c.path
  FROM oom_kill o
  LEFT JOIN v_cgroup c USING (cgroup_id)
 WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   AND (coalesce(c.path, o.dropped_from, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 GROUP BY o.cgroup_id, o.dropped_from, c.name IS NULL AND o.victim_path IS NULL
 ORDER BY oom_kills DESC, last_at_us DESC
 LIMIT 10;
