-- Restarts by workload
-- SPDX-License-Identifier: Apache-2.0
-- The workloads that were restarted in the window, most often first (part_restart.sql says what counts), with
-- their OOM kills beside: a restart without a kill has another reason. The kill before the first restart may lie before
-- the window. `running`: cgroups that are there at the end.
-- Most important first: workload, restarts, oom_kills, last_began_at_us, running
WITH restart AS MATERIALIZED (SELECT * FROM (window_restart)),
named AS MATERIALIZED (SELECT cgroup_id, coalesce(workload, name) AS workload FROM v_cgroup),
killed AS MATERIALIZED (
  SELECT coalesce(c.workload, c.name) AS workload, CAST(total(o.kill_count) AS INTEGER) AS kills
    FROM oom_kill o
    JOIN v_cgroup c USING (cgroup_id)
   WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   GROUP BY 1
)
SELECT r.workload,
       r.restarts,
       coalesce(k.kills, 0) AS oom_kills,
       count(*) FILTER (WHERE raw.vanished_at_us IS NULL OR raw.vanished_at_us >= :until_us) AS running,
       max(raw.first_seen_at_us) AS last_began_at_us
  FROM restart r
  JOIN named ON named.workload = r.workload
  JOIN cgroup raw USING (cgroup_id)
  LEFT JOIN killed k ON k.workload = r.workload
 WHERE r.restarts > 0 AND raw.first_seen_at_us < :until_us
 GROUP BY r.workload
 ORDER BY r.restarts DESC, r.workload;
