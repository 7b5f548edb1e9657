-- Most reclaimable cache (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups that held the most page cache that can be dropped, in the last full scan of the window. Where its
-- samples are gone: in the last whole hour on average, `measured` says so.
-- Most important first: cgroup, reclaimable_cache_bytes, share_of_usage_pct, usage_bytes, limit_bytes
SELECT c.name AS cgroup,
       s.reclaimable_cache_kib * 1024 AS reclaimable_cache_bytes,
       100.0 * s.reclaimable_cache_kib / nullif(s.usage_kib, 0) AS share_of_usage_pct,
       s.usage_kib * 1024 AS usage_bytes,
       s.shmem_kib * 1024 AS shmem_bytes,
       c.effective_limit_bytes AS limit_bytes,
       s.at_us,
       c.first_seen_at,
       s.measured,
       c.path
  FROM (window_last) s
  JOIN v_cgroup c USING (cgroup_id)
 WHERE (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   AND s.reclaimable_cache_kib > 0
 ORDER BY s.reclaimable_cache_kib DESC, c.path
 LIMIT 20;
