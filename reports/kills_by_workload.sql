-- OOM kills by workload
-- SPDX-License-Identifier: Apache-2.0
-- What is killed again and again, in whatever container. What a workload is called: part_named_kill.sql. `containers`
-- counts those in which it was killed, without those that were dropped because there were too many
-- (oom_kill.dropped_from). `victims`: the three that were killed most often. `watched`: 0 where all were in cgroups that are not tracked, or nobody knows where.
-- Most important first: workload, kills, last_at_us, causes, victims
WITH killed AS MATERIALIZED (
  SELECT * FROM (named_kill)
),
ranked AS (
  SELECT workload, victim_comm,
         row_number() OVER (PARTITION BY workload ORDER BY total(kill_count) DESC, victim_comm) AS number
    FROM killed
   WHERE victim_comm IS NOT NULL
   GROUP BY workload, victim_comm
),
victim AS MATERIALIZED (
  SELECT workload, group_concat(victim_comm, ', ') FILTER (WHERE number <= 3)
                   || iif(count(*) > 3, ' and ' || (count(*) - 3) || ' more', '') AS victims
    FROM (SELECT * FROM ranked ORDER BY workload, number)
   GROUP BY workload
),
restart AS MATERIALIZED (SELECT * FROM (window_restart))
SELECT k.workload,
       CAST(total(k.kill_count) AS INTEGER) AS kills,
       count(DISTINCT k.cgroup_id) AS containers,
       min(k.killed_at_us) AS first_at_us,
       max(coalesce(k.last_killed_at_us, k.killed_at_us)) AS last_at_us,
       replace(group_concat(DISTINCT k.cause), ',', ', ') AS causes,
       v.victims,
       r.restarts,
       max(k.cgroup_id IS NOT NULL OR k.dropped_from IS NOT NULL) AS watched
  FROM killed k
  LEFT JOIN victim v USING (workload)
  LEFT JOIN restart r USING (workload)
 GROUP BY k.workload
 ORDER BY kills DESC, last_at_us DESC;
