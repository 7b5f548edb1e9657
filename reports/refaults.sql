-- Most refaulted cache (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- The cgroups that read the most page cache again after it was evicted: they need more memory than they
-- get, or are reclaimed too eagerly. Reads every sample in the window.
WITH RECURSIVE
bounds AS MATERIALIZED (
  SELECT max(:since_us, (SELECT min(started_at_us) FROM scan)) AS begin_us,
         min(:until_us, (SELECT max(started_at_us) FROM scan) + 1) AS end_us
),
part (from_us, to_us) AS (  -- half an hour at a time: all samples at once would be sorted in memory
  SELECT begin_us, min(begin_us + 1800000000, end_us) FROM bounds WHERE begin_us < end_us
   UNION ALL
  SELECT to_us, min(to_us + 1800000000, end_us) FROM part, bounds WHERE to_us < end_us
),
busy_in_part AS (
  SELECT json_extract(one.value, '$[0]') AS cgroup_id, json_extract(one.value, '$[1]') AS pages,
         json_extract(one.value, '$[2]') AS major_faults, json_extract(one.value, '$[3]') AS stalled_us,
         json_extract(one.value, '$[4]') AS cache_count, json_extract(one.value, '$[5]') AS cache_sum_kib
    FROM part,
         json_each((
           SELECT json_group_array(json_array(cgroup_id, pages, major_faults, stalled_us, cache_count, cache_sum_kib))
             FROM (SELECT cgroup_id, sum(refault_file) AS pages, sum(pgmajfault) AS major_faults,
                          sum(psi_some_us) AS stalled_us, count(cache_kib) AS cache_count,
                          sum(cache_kib) AS cache_sum_kib
                     FROM (SELECT s.cgroup_id, iif(typeof(s.refault_file) = 'integer', s.refault_file, NULL) AS refault_file,
                                  iif(typeof(s.pgmajfault) = 'integer', s.pgmajfault, NULL) AS pgmajfault,
                                  iif(typeof(s.psi_some_us) = 'integer', s.psi_some_us, NULL) AS psi_some_us,
                                  CASE WHEN sc.is_partial IS NOT 1 AND typeof(s.reclaimable_cache_kib) = 'integer'
                                       THEN s.reclaimable_cache_kib END AS cache_kib
                             FROM scan sc
                             JOIN sample s ON s.scan_id = sc.scan_id
                            WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
                              AND +s.cgroup_id IN (SELECT cgroup_id FROM v_cgroup  -- by the key, scan by scan
                                                    WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob
                                                       OR workload GLOB :cgroup_glob))
                    GROUP BY cgroup_id))) one
),
busy AS MATERIALIZED (
  SELECT cgroup_id, sum(pages) AS pages, sum(major_faults) AS major_faults, sum(stalled_us) AS stalled_us,
         1.0 * sum(cache_sum_kib) / nullif(sum(cache_count), 0) AS cache_avg_kib
    FROM busy_in_part
   GROUP BY cgroup_id
  HAVING sum(pages) > 0
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
