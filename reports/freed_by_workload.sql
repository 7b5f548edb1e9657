-- Freed by workload (top ten)
-- SPDX-License-Identifier: Apache-2.0
-- As freed_by_cgroup, with the restarts and replicas of one workload added up: namespace/pod/container,
-- without the pod's random suffix. A container without a known name belongs to its pod; outside of pods it stands alone.
-- `cgroups`: a pod and such containers below it are one (part_replica.sql).
-- Most important first: workload, freed_bytes, reclaims, refaulted_bytes
WITH restart AS MATERIALIZED (SELECT * FROM (window_restart))
SELECT coalesce(c.workload, c.name) AS workload,
       count(DISTINCT one.replica) AS cgroups,
       count(*) AS reclaims,
       sum(r.freed_bytes) AS freed_bytes,
       CAST(round(avg(r.freed_bytes)) AS INTEGER) AS average_freed_bytes,
       sum(r.read_back_bytes) AS refaulted_bytes,
       sum(r.duration_us) AS reclaiming_us,
       max(r.started_at_us) AS last_reclaim_at_us,
       (SELECT s.restarts FROM restart s WHERE s.workload = coalesce(c.workload, c.name)) AS restarts
  FROM (told_reclaim) r
  JOIN v_cgroup c USING (cgroup_id)
  JOIN (replica) one USING (cgroup_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   AND r.outcome <> 'dry_run'
 GROUP BY 1
HAVING sum(r.freed_bytes) > 0
 ORDER BY sum(r.freed_bytes) DESC, 1
 LIMIT 10;
