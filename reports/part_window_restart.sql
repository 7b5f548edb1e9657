-- How often each workload was restarted in the window
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of window_restart in brackets. part_restart.sql says what a
-- restart is. Pods and what else can't restart (part_replica.sql) do not count: a workload of these alone has no row.
SELECT coalesce(c.workload, c.name) AS workload,
       count(*) FILTER (WHERE one.at_us >= :since_us AND one.at_us < :until_us) AS restarts
  FROM v_cgroup c
  JOIN (replica) kind USING (cgroup_id)
  LEFT JOIN (restart) one USING (cgroup_id)
 WHERE kind.can_restart
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 GROUP BY 1
