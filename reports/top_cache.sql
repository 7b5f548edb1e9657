-- Most reclaimable cache (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups that held the most page cache that can be dropped, in the last full scan of the window.
-- Most important first: cgroup, reclaimable_cache_bytes, share_of_usage_pct, usage_bytes, limit_bytes
SELECT c.name AS cgroup,
       s.reclaimable_cache_bytes,
       100.0 * s.reclaimable_cache_bytes / nullif(s.usage_bytes, 0) AS share_of_usage_pct,
       s.usage_bytes,
       s.shmem_bytes,
       c.effective_limit_bytes AS limit_bytes,
       s.at_us,
       c.path
  FROM v_sample s
  JOIN v_cgroup c USING (cgroup_id)
 WHERE s.scan_id = (SELECT scan_id FROM scan
                     WHERE started_at_us >= :since_us AND started_at_us < :until_us AND is_partial IS NOT 1
                     ORDER BY started_at_us DESC LIMIT 1)
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob
OR c.workload GLOB :cgroup_glob) AND s.reclaimable_cache_bytes > 0
 ORDER BY s.reclaimable_cache_bytes DESC, c.path
 LIMIT 20;
