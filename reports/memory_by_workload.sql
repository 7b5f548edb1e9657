-- Memory by workload, as last seen
-- SPDX-License-Identifier: Apache-2.0
-- What the replicas of each workload held together in the last full scan of the window, how many were seen in the
-- whole window, and how often one was restarted in it. Where the samples are gone: the averages of the last whole
-- hour, `measured` says so. The fullest is the replica that used most of its limit. What one replica is: part_replica.sql.
-- Most important first: workload, usage_bytes, running, fullest_pct, anon_bytes
WITH restart AS MATERIALIZED (SELECT * FROM (window_restart)),
held AS (
  SELECT coalesce(c.workload, c.name) AS workload, max(s.cgroup_id IS NOT NULL) AS is_running,
         sum(s.usage_kib) AS usage_kib, sum(s.anon_kib) AS anon_kib,
         sum(s.reclaimable_cache_kib) AS reclaimable_cache_kib, sum(s.shmem_kib) AS shmem_kib,
         max(100.0 * s.usage_kib * 1024 / c.effective_limit_bytes) AS cgroup_pct,
         100.0 * sum(s.usage_kib) * 1024 / max(iif(c.kind = 'pod', c.effective_limit_bytes, NULL)) AS pod_pct,
         max(s.measured) AS measured
    FROM v_cgroup c
    JOIN cgroup raw USING (cgroup_id)
    JOIN (replica) r USING (cgroup_id)
    LEFT JOIN (window_last) s USING (cgroup_id)
   WHERE raw.first_seen_at_us < :until_us AND (s.cgroup_id IS NOT NULL OR raw.last_seen_at_us >= :since_us)
     AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   GROUP BY 1, r.replica
)
SELECT h.workload,
       sum(is_running) AS running,
       count(*) AS seen,
       sum(usage_kib) * 1024 AS usage_bytes,
       sum(anon_kib) * 1024 AS anon_bytes,
       sum(reclaimable_cache_kib) * 1024 AS reclaimable_cache_bytes,
       sum(shmem_kib) * 1024 AS shmem_bytes,
       max(max(ifnull(cgroup_pct, pod_pct), ifnull(pod_pct, cgroup_pct))) AS fullest_pct,
       (SELECT restarts FROM restart r WHERE r.workload = h.workload) AS restarts,
       max(measured) AS measured
  FROM held h
 GROUP BY h.workload
HAVING sum(is_running) > 0
 ORDER BY usage_bytes DESC, 1;
