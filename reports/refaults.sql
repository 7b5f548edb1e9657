-- Most refaulted cache (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups that read the most page cache again after it was evicted: they need more memory than they
-- get, or are reclaimed too eagerly. Reads every sample in the window.
WITH busy AS MATERIALIZED (
  SELECT s.cgroup_id, sum(s.refault_file) AS pages, sum(s.pgmajfault) AS major_faults,
         sum(s.psi_some_us) AS stalled_us,
         avg(max(s.file_kib - coalesce(s.shmem_kib, 0), 0))
           FILTER (WHERE sc.is_partial IS NOT 1) AS cache_avg_kib
    FROM scan sc
    JOIN sample s ON s.scan_id = sc.scan_id
   WHERE sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
     AND s.cgroup_id IN (SELECT cgroup_id FROM v_cgroup
                          WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob)
   GROUP BY s.cgroup_id
  HAVING sum(s.refault_file) > 0
)
SELECT c.name AS cgroup,
       busy.pages * coalesce((SELECT CAST(value AS INTEGER) FROM node WHERE key = 'page_size_bytes'), 4096)
         AS refaulted_bytes,
       busy.major_faults,
       busy.stalled_us,
       CAST(busy.cache_avg_kib * 1024 AS INTEGER) AS cache_avg_bytes,
       c.path
  FROM busy
  JOIN v_cgroup c USING (cgroup_id)
 ORDER BY busy.pages DESC, c.path
 LIMIT 20;
