-- Reclaims by the hour
-- SPDX-License-Identifier: Apache-2.0
-- One row for each hour (UTC) with a reclaim: how many began in it, what they freed, and how much of that
-- was read back during the observation (at most what was freed). Dry runs are left out.
SELECT r.started_at_us / 3600000000 * 3600000000 AS at_us,
       count(*) AS reclaims,
       coalesce(sum(r.freed_bytes), 0) AS freed_bytes,
       coalesce(sum(min(e.refaulted_bytes, r.freed_bytes)), 0) AS refaulted_bytes
  FROM reclaim r
  JOIN v_cgroup c USING (cgroup_id)
  LEFT JOIN reclaim_effect e USING (reclaim_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob)
   AND r.outcome <> 'dry_run'
 GROUP BY 1
 ORDER BY 1;
