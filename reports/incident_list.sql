-- OOM kills and stuck cgroups by their number
-- SPDX-License-Identifier: Apache-2.0
-- The answer of `incident list --all`, and in CSV and JSON, newest first. `oom_kills` shows more of each kill. `kills`: how many the row stands for;
-- at_us is when the first of them was killed. "(one of 3)": the cgroup is not known, and `incident show` names the three.
-- A cgroup that was stuck, and not killed, has a number that begins with "s"; at_us is when that began.
-- Most important first: id, cgroup, cause, at_us, kills, victim
SELECT id, at_us, cgroup, kills, victim, cause, limit_bytes, path
  FROM (
    SELECT o.oom_kill_id AS id,
           o.killed_at_us AS at_us,
           o.cgroup,
           o.kill_count AS kills,
           o.victim_comm AS victim,
           o.cause,
           o.limit_bytes,
           o.path,
           o.oom_kill_id AS number
      FROM (named_kill) o
     UNION ALL
    SELECT 's' || s.stuck_id, s.began_at_us, coalesce(c.name, '(not known)'), NULL, NULL,
           iif(s.kind = 'memory_high', 'throttled at memory.high', 'out of memory, OOM killer disabled'),
           s.limit_bytes, c.path, s.stuck_id
      FROM stuck s
      LEFT JOIN v_cgroup c USING (cgroup_id)
     WHERE s.began_at_us < :until_us AND coalesce(s.ended_at_us, s.last_seen_at_us) >= :since_us
       AND (coalesce(c.path, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
       )
 ORDER BY at_us DESC, number DESC;
