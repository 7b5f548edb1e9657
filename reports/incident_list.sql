-- OOM kills by their number
-- SPDX-License-Identifier: Apache-2.0
-- The answer of `incident list`, newest first. `oom_kills` shows more of each kill.
SELECT o.oom_kill_id AS id,
       o.killed_at_us,
       coalesce(c.name, o.victim_path, '(not tracked)') AS cgroup,
       o.victim_comm AS victim,
       o.cause,
       o.limit_bytes,
       c.path
  FROM oom_kill o
  LEFT JOIN v_cgroup c USING (cgroup_id)
 WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   AND (coalesce(c.path, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob)
 ORDER BY o.killed_at_us DESC, o.oom_kill_id DESC;
