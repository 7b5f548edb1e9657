-- Reclaims by outcome
-- SPDX-License-Identifier: Apache-2.0
-- How the reclaims ended. A dry run asks nothing of the kernel and frees nothing; would_take_bytes is what it
-- would have asked for.
SELECT replace(r.outcome, '_', ' ') AS outcome,
       count(*) AS reclaims,
       count(DISTINCT r.cgroup_id) AS cgroups,
       sum(r.freed_bytes) FILTER (WHERE r.outcome <> 'dry_run') AS freed_bytes,
       sum(r.requested_bytes) FILTER (WHERE r.outcome = 'dry_run') AS would_take_bytes,
       CAST(round(avg(r.duration_us)) AS INTEGER) AS average_duration_us,
       max(r.duration_us) AS longest_duration_us
  FROM reclaim r
  JOIN v_cgroup c USING (cgroup_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 GROUP BY r.outcome
 ORDER BY reclaims DESC, r.outcome;
