-- OOM kills by their number
-- SPDX-License-Identifier: Apache-2.0
-- The answer of `incident list`, newest first. `oom_kills` shows more of each kill. `kills`: how
-- many the row stands for, from the first (killed_at_us) to the last. cgroup_by says how the cgroup is known
-- (schema/0006); "(one of 3)": it is not, and `incident show` names the three.
SELECT o.oom_kill_id AS id,
       o.killed_at_us,
       coalesce(c.name, o.victim_path, o.dropped_from,
                iif(o.candidate_count > 0, '(one of ' || o.candidate_count || ')', '(not known)')) AS cgroup,
       o.victim_comm AS victim,
       o.cause,
       o.limit_bytes,
       o.cgroup_by,
       o.kill_count AS kills,
       o.last_killed_at_us AS last_at_us,
       c.path
  FROM oom_kill o
  LEFT JOIN v_cgroup c USING (cgroup_id)
 WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   AND (coalesce(c.path, o.dropped_from, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob)
 ORDER BY o.killed_at_us DESC, o.oom_kill_id DESC;
