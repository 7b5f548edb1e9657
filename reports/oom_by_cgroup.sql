-- OOM kills by cgroup (top ten)
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups in which processes were OOM-killed. `oom_kills` lists each kill.
SELECT coalesce(c.name, '(not tracked)') AS cgroup,
       count(*) AS oom_kills,
       min(o.killed_at_us) AS first_at_us,
       max(o.killed_at_us) AS last_at_us,
       c.path
  FROM oom_kill o
  LEFT JOIN v_cgroup c USING (cgroup_id)
 WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   AND (coalesce(c.path, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob)
 GROUP BY o.cgroup_id
 ORDER BY oom_kills DESC, last_at_us DESC
 LIMIT 10;
