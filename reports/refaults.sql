-- Most refaulted cache (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups that read the most page cache again after it was evicted: they need more memory than they
-- get, or are reclaimed too eagerly. Whole hours answer by their sums (sample_hour), what is left of the
-- window by its samples: `measured`.
WITH
part AS MATERIALIZED (SELECT * FROM (window_part)),
asked AS MATERIALIZED (
  SELECT cgroup_id FROM v_cgroup
   WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob OR workload GLOB :cgroup_glob
),
sampled AS (
  SELECT json_extract(one.value, '$[0]') AS cgroup_id, json_extract(one.value, '$[1]') AS pages,
         json_extract(one.value, '$[2]') AS major_faults, json_extract(one.value, '$[3]') AS stalled_us,
         json_extract(one.value, '$[4]') AS cache_count, json_extract(one.value, '$[5]') AS cache_sum_kib
    FROM part,
         json_each((
           SELECT grouped('sum sum sum sum sum', cgroup_id, refault_file, pgmajfault, psi_some_us,
                          typeof(cache_kib) = 'integer', cache_kib)
             FROM (SELECT s.cgroup_id, s.refault_file, s.pgmajfault, s.psi_some_us,
                          iif(sc.is_partial IS NOT 1, s.reclaimable_cache_kib, NULL) AS cache_kib
                     FROM scan sc
                     JOIN sample s ON s.scan_id = sc.scan_id
                    WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
                      AND +s.cgroup_id IN (SELECT cgroup_id FROM asked)))) one  -- by the key, scan by scan
   WHERE NOT part.is_hour
),
by_hours AS (  -- week by week, so that the JSON stays small
  SELECT json_extract(one.value, '$[0]') AS cgroup_id, json_extract(one.value, '$[1]') AS pages,
         json_extract(one.value, '$[2]') AS major_faults, json_extract(one.value, '$[3]') AS stalled_us,
         json_extract(one.value, '$[4]') AS cache_count, json_extract(one.value, '$[5]') AS cache_sum_kib
    FROM (SELECT min(from_us) AS from_us, max(from_us) AS to_us FROM part WHERE is_hour GROUP BY from_us / 604800000000) week,
         json_each((
           SELECT grouped('sum sum sum sum sum', cgroup_id, refault_file, pgmajfault, psi_some_us,
                          iif(file_avg_kib IS NULL, 0, sample_count), 1.0 * cache_avg_kib * sample_count)
             FROM (SELECT h.cgroup_id, h.sample_count, h.refault_file, h.pgmajfault, h.psi_some_us, h.file_avg_kib,
                          CASE WHEN h.shmem_avg_kib IS NOT NULL THEN max(h.file_avg_kib - h.shmem_avg_kib, 0)
                               ELSE coalesce(min(h.file_avg_kib, h.inactive_file_avg_kib + h.active_file_avg_kib),
                                             h.file_avg_kib)
                               END AS cache_avg_kib
                     FROM sample_hour h
                    WHERE h.hour_at_us BETWEEN week.from_us AND week.to_us
                      AND (:cgroup_glob = '*' OR +h.cgroup_id IN (SELECT cgroup_id FROM asked))))) one
),
found AS (
  SELECT *, 0 AS is_hour FROM sampled
   UNION ALL
  SELECT *, 1 FROM by_hours
),
busy AS MATERIALIZED (
  SELECT cgroup_id, CAST(sum(1.0 * pages) AS INTEGER) AS pages, CAST(sum(1.0 * major_faults) AS INTEGER) AS major_faults,
         CAST(sum(1.0 * stalled_us) AS INTEGER) AS stalled_us,
         1.0 * sum(cache_sum_kib) / nullif(sum(cache_count), 0) AS cache_avg_kib,
         CASE WHEN NOT max(is_hour) THEN 'samples' WHEN min(is_hour) THEN 'hours' ELSE 'hours and samples' END AS measured
    FROM found
   GROUP BY cgroup_id
  HAVING sum(pages) > 0
)
SELECT c.name AS cgroup,
       busy.pages * coalesce((SELECT CAST(value AS INTEGER) FROM node WHERE key = 'page_size_bytes'), 4096)
         AS refaulted_bytes,
       busy.major_faults,
       busy.stalled_us,
       CAST(busy.cache_avg_kib * 1024 AS INTEGER) AS cache_avg_bytes,
       busy.measured,
       c.first_seen_at,
       c.path
  FROM busy
  JOIN v_cgroup c USING (cgroup_id)
 ORDER BY busy.pages DESC, c.path
 LIMIT 20;
