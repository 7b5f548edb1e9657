-- OOM kills by workload, and stuck cgroups
-- SPDX-License-Identifier: Apache-2.0
-- The answer of `incident list` for people: the repeated kills of one workload are one row, with the number of the latest
-- of them. `kills`: how many they are. A kill whose cgroup is known only to be one of several stands alone, and so does
-- a cgroup that was stuck: it was so from first_at to last_at. is_outside: nothing that is tracked was hit. `incident_list` has each kill.
WITH kill AS (
  SELECT o.oom_kill_id, o.killed_at_us, coalesce(o.last_killed_at_us, o.killed_at_us) AS last_at_us, o.kill_count,
         o.victim_comm, o.cause, o.limit_bytes, o.path,
         o.path IS NULL AND o.dropped_from IS NULL AND ifnull(o.candidate_count, 0) = 0 AS is_outside,
         o.workload AS cgroup,
         iif(o.path IS NULL AND o.candidate_count > 0, o.oom_kill_id, 0) AS stands_alone
    FROM (named_kill) o
),
placed AS (
  SELECT *, row_number() OVER (PARTITION BY is_outside, cgroup, stands_alone
                               ORDER BY killed_at_us DESC, oom_kill_id DESC) AS place
    FROM kill
)
SELECT id, last_at_us, first_at_us, cgroup, kills, victim, cause, limit_bytes, path, is_outside
  FROM (
    SELECT max(iif(place = 1, oom_kill_id, NULL)) AS id,
           max(last_at_us) AS last_at_us,
           iif(CAST(total(kill_count) AS INTEGER) > 1, min(killed_at_us), NULL) AS first_at_us,
           cgroup,
           CAST(total(kill_count) AS INTEGER) AS kills,
           max(iif(place = 1, victim_comm, NULL)) AS victim,
           replace(group_concat(DISTINCT cause), ',', ', ') AS cause,
           max(iif(place = 1, limit_bytes, NULL)) AS limit_bytes,
           max(iif(place = 1, path, NULL)) AS path,
           is_outside,
           max(iif(place = 1, oom_kill_id, NULL)) AS number
      FROM placed
     GROUP BY is_outside, cgroup, stands_alone
     UNION ALL
    SELECT 's' || s.stuck_id, s.last_seen_at_us, s.began_at_us, coalesce(c.workload, c.name, '(not known)'), NULL, NULL,
           iif(s.kind = 'memory_high', 'throttled at memory.high', 'out of memory, OOM killer disabled'),
           s.limit_bytes, c.path, 0, s.stuck_id
      FROM stuck s
      LEFT JOIN v_cgroup c USING (cgroup_id)
     WHERE s.began_at_us < :until_us AND coalesce(s.ended_at_us, s.last_seen_at_us) >= :since_us
       AND (coalesce(c.path, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob))
 ORDER BY last_at_us DESC, number DESC;
