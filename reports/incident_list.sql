-- OOM kills by their number
-- SPDX-License-Identifier: Apache-2.0
-- The answer of `incident list`, newest first. `oom_kills` shows more of each kill. `kills`: how many the row stands for;
-- killed_at_us is the first of them. "(one of 3)": the cgroup is not known, and `incident show` names the three.
SELECT o.oom_kill_id AS id,
       o.killed_at_us,
       coalesce(c.name, o.victim_path, o.dropped_from,
                iif(o.candidate_count > 0, '(one of ' || o.candidate_count || ')', '(not known)')) AS cgroup,
       o.kill_count AS kills,
       o.victim_comm AS victim,
       o.cause,
       o.limit_bytes,
       c.path
  FROM oom_kill o
  LEFT JOIN v_cgroup c USING (cgroup_id)
 WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   AND (coalesce(c.path, o.dropped_from, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob)
 ORDER BY o.killed_at_us DESC, o.oom_kill_id DESC;
