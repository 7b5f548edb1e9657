-- Memory by workload, as last seen
-- SPDX-License-Identifier: Apache-2.0
-- What the replicas of each workload held together in the last full scan of the window, how many were seen in the
-- whole window, and how often one was restarted in it. Where the samples are gone: the averages of the last whole
-- hour, `measured` says so. The fullest is the replica that used most of its limit.
-- Most important first: workload, usage_bytes, running, fullest_pct, anon_bytes
WITH restart AS MATERIALIZED (SELECT * FROM (window_restart))
SELECT coalesce(c.workload, c.name) AS workload,
       count(s.cgroup_id) AS running,
       count(*) AS seen,
       sum(s.usage_kib) * 1024 AS usage_bytes,
       sum(s.anon_kib) * 1024 AS anon_bytes,
       sum(s.reclaimable_cache_kib) * 1024 AS reclaimable_cache_bytes,
       sum(s.shmem_kib) * 1024 AS shmem_bytes,
       max(100.0 * s.usage_kib * 1024 / c.effective_limit_bytes) AS fullest_pct,
       (SELECT restarts FROM restart r WHERE r.workload = coalesce(c.workload, c.name)) AS restarts,
       max(s.measured) AS measured
  FROM v_cgroup c
  JOIN cgroup raw USING (cgroup_id)
  LEFT JOIN (window_last) s USING (cgroup_id)
 WHERE raw.first_seen_at_us < :until_us AND (s.cgroup_id IS NOT NULL OR raw.last_seen_at_us >= :since_us)
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 GROUP BY 1
HAVING count(s.cgroup_id) > 0
 ORDER BY usage_bytes DESC, 1;
