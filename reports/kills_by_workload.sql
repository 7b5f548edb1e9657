-- OOM kills by workload
-- SPDX-License-Identifier: Apache-2.0
-- What is killed again and again, in whatever container. A workload is what restarts and replicas have in
-- common (cgroup.workload); the cgroup's name if that is not known. `containers` counts those in which it
-- was killed, without those that were dropped because there were too many (oom_kill.dropped_from). "(not known)": the
-- kernel's log does not name the cgroup, and it can have been one of several.
-- Most important first: workload, kills, last_at_us, causes, victims
SELECT coalesce(c.workload, c.name, o.victim_path, o.dropped_from, '(not known)') AS workload,
       CAST(total(o.kill_count) AS INTEGER) AS kills,
       count(DISTINCT o.cgroup_id) AS containers,
       min(o.killed_at_us) AS first_at_us,
       max(coalesce(o.last_killed_at_us, o.killed_at_us)) AS last_at_us,
       replace(group_concat(DISTINCT o.cause), ',', ', ') AS causes,
       replace(group_concat(DISTINCT o.victim_comm), ',', ', ') AS victims
  FROM oom_kill o
  LEFT JOIN v_cgroup c USING (cgroup_id)
 WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   AND (coalesce(c.path, o.dropped_from, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 GROUP BY 1
 ORDER BY kills DESC, last_at_us DESC;
