-- Failed reclaims
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups in which reclaims failed, and what the kernel said. The twenty most frequent.
SELECT c.name AS cgroup,
       coalesce(nullif(r.error, ''),
                CASE r.outcome WHEN 'interrupted' THEN 'the service stopped or crashed meanwhile'
                               ELSE 'the kernel gave no reason' END) AS error,
       count(*) AS failures,
       max(r.started_at_us) AS last_at_us,
       c.first_seen_at,
       c.path
  FROM reclaim r
  JOIN v_cgroup c USING (cgroup_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   AND r.outcome IN ('failed', 'interrupted')
 GROUP BY r.cgroup_id, 2
 ORDER BY failures DESC, last_at_us DESC
 LIMIT 20;
