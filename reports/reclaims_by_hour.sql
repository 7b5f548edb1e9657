-- Reclaims by the hour
-- SPDX-License-Identifier: Apache-2.0
-- One row for each hour (UTC) with a reclaim: how many began in it, what they freed, how much of that was read
-- back during the observation, and how much was still free at its end; empty where that is not known of any.
-- Dry runs are left out.
SELECT r.started_at_us / 3600000000 * 3600000000 AS at_us,
       count(*) AS reclaims,
       coalesce(sum(r.freed_bytes), 0) AS freed_bytes,
       sum(r.read_back_bytes) AS refaulted_bytes,
       sum(r.stayed_free_bytes) AS stayed_free_bytes
  FROM (told_reclaim) r
  JOIN v_cgroup c USING (cgroup_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   AND r.outcome <> 'dry_run'
 GROUP BY 1
 ORDER BY 1;
