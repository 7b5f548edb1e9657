-- Cgroups seen
-- SPDX-License-Identifier: Apache-2.0
-- Every cgroup with a sample in the window. Cache is what can be dropped: page cache without shared memory
-- and tmpfs. The limit is the smallest of the cgroup's own, its ancestors' and the machine's memory. Reads
-- every sample in the window: a week of a large node takes a while.
WITH seen AS MATERIALIZED (
  SELECT s.cgroup_id, count(*) AS samples,
         avg(s.usage_kib) FILTER (WHERE sc.is_partial IS NOT 1) AS usage_avg_kib, max(s.usage_kib) AS usage_max_kib,
         avg(max(s.file_kib - coalesce(s.shmem_kib, 0), 0))
           FILTER (WHERE sc.is_partial IS NOT 1) AS cache_avg_kib,
         max(max(s.file_kib - coalesce(s.shmem_kib, 0), 0)) AS cache_max_kib,
         min(sc.started_at_us) AS first_seen_at_us, max(sc.started_at_us) AS last_seen_at_us
    FROM scan sc
    JOIN sample s ON s.scan_id = sc.scan_id
   WHERE sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
     AND s.cgroup_id IN (SELECT cgroup_id FROM v_cgroup
                          WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob)
   GROUP BY s.cgroup_id
)
SELECT c.name AS cgroup,
       seen.samples,
       CAST(seen.usage_avg_kib * 1024 AS INTEGER) AS usage_avg_bytes,
       seen.usage_max_kib * 1024 AS usage_max_bytes,
       CAST(seen.cache_avg_kib * 1024 AS INTEGER) AS cache_avg_bytes,
       seen.cache_max_kib * 1024 AS cache_max_bytes,
       c.effective_limit_bytes AS limit_bytes,
       seen.first_seen_at_us,
       seen.last_seen_at_us,
       c.path
  FROM seen
  JOIN v_cgroup c USING (cgroup_id)
 ORDER BY seen.usage_max_kib DESC, c.path;
