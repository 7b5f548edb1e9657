-- Freed by cgroup (top ten)
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups in which reclaims freed the most. Dry runs do not count.
-- Most important first: cgroup, freed_bytes, reclaims, reclaiming_us
SELECT c.name AS cgroup,
       count(*) AS reclaims,
       sum(r.freed_bytes) AS freed_bytes,
       CAST(round(avg(r.freed_bytes)) AS INTEGER) AS average_freed_bytes,
       sum(r.duration_us) AS reclaiming_us,
       max(r.started_at_us) AS last_reclaim_at_us,
       c.first_seen_at,
       c.path
  FROM reclaim r
  JOIN v_cgroup c USING (cgroup_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   AND r.outcome <> 'dry_run'
 GROUP BY r.cgroup_id
HAVING sum(r.freed_bytes) > 0
 ORDER BY sum(r.freed_bytes) DESC, c.path
 LIMIT 10;
