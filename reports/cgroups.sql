-- Cgroups seen
-- SPDX-License-Identifier: Apache-2.0
-- Every cgroup with a sample in the window. Cache is what can be dropped: page cache without shared memory
-- and tmpfs. The limit is the smallest of the cgroup's own, its ancestors' and the machine's memory. Whole hours
-- answer by their averages and maxima (sample_hour), what is left of the window by its samples: `measured`. The
-- most cache of an hour is only known where shared memory was the same all the time; NULL: of some hour it is not
-- known. `samples` are those of full scans. Seen by hours: from the begin of the first hour to the end of the last.
-- Most important first: cgroup, usage_max_bytes, cache_max_bytes, limit_bytes, usage_avg_bytes, last_seen_at_us
WITH
part AS MATERIALIZED (SELECT * FROM (window_part)),
asked AS MATERIALIZED (
  SELECT cgroup_id FROM v_cgroup
   WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob OR workload GLOB :cgroup_glob
),
sampled AS (
  SELECT json_extract(one.value, '$[0]') AS cgroup_id, json_extract(one.value, '$[1]') AS samples,
         json_extract(one.value, '$[2]') AS usage_count, json_extract(one.value, '$[3]') AS usage_sum_kib,
         json_extract(one.value, '$[4]') AS usage_max_kib,
         json_extract(one.value, '$[5]') AS cache_count, json_extract(one.value, '$[6]') AS cache_sum_kib,
         json_extract(one.value, '$[7]') AS cache_max_kib,
         json_extract(one.value, '$[8]') AS first_at_us, json_extract(one.value, '$[9]') AS last_at_us
    FROM part,
         json_each((
           SELECT grouped('sum sum sum max sum sum max min max', cgroup_id, is_full,
                          is_full AND typeof(usage_kib) = 'integer', iif(is_full, usage_kib, NULL), usage_kib,
                          is_full AND typeof(cache_kib) = 'integer', iif(is_full, cache_kib, NULL), cache_kib, at_us, at_us)
             FROM (SELECT s.cgroup_id, sc.started_at_us AS at_us, sc.is_partial IS NOT 1 AS is_full, s.usage_kib,
                          s.reclaimable_cache_kib AS cache_kib
                     FROM scan sc
                     JOIN sample s ON s.scan_id = sc.scan_id
                    WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
                      AND +s.cgroup_id IN (SELECT cgroup_id FROM asked)))) one  -- by the key, scan by scan
   WHERE NOT part.is_hour
),
by_hours AS (  -- week by week, so that the JSON stays small
  SELECT json_extract(one.value, '$[0]') AS cgroup_id, json_extract(one.value, '$[1]') AS samples,
         json_extract(one.value, '$[2]') AS usage_count, json_extract(one.value, '$[3]') AS usage_sum_kib,
         json_extract(one.value, '$[4]') AS usage_max_kib,
         json_extract(one.value, '$[5]') AS cache_count, json_extract(one.value, '$[6]') AS cache_sum_kib,
         json_extract(one.value, '$[7]') AS cache_max_kib,
         json_extract(one.value, '$[8]') AS first_hour_us, json_extract(one.value, '$[9]') AS last_hour_us
    FROM (SELECT min(from_us) AS from_us, max(from_us) AS to_us FROM part WHERE is_hour GROUP BY from_us / 604800000000) week,
         json_each((
           SELECT grouped('sum sum sum max sum sum max min max', cgroup_id, sample_count,
                          iif(usage_avg_kib IS NULL, 0, sample_count), usage_avg_kib * sample_count, usage_max_kib,
                          iif(file_avg_kib IS NULL, 0, sample_count), cache_avg_kib * sample_count,
                          cache_max_kib, hour_at_us, hour_at_us)
             FROM (SELECT h.cgroup_id, h.hour_at_us, h.sample_count, h.usage_avg_kib, h.usage_max_kib, h.file_avg_kib,
                          CASE WHEN h.shmem_avg_kib IS NOT NULL THEN max(h.file_avg_kib - h.shmem_avg_kib, 0)
                               ELSE coalesce(min(h.file_avg_kib, h.inactive_file_avg_kib + h.active_file_avg_kib),
                                             h.file_avg_kib)
                               END AS cache_avg_kib,
                          ifnull(iif(h.shmem_avg_kib = h.shmem_max_kib, max(h.file_max_kib - h.shmem_max_kib, 0), NULL), 9e15)
                            AS cache_max_kib  -- more than there can be: it is not known
                     FROM sample_hour h
                    WHERE h.hour_at_us BETWEEN week.from_us AND week.to_us
                      AND (:cgroup_glob = '*' OR +h.cgroup_id IN (SELECT cgroup_id FROM asked))))) one
),
found AS (
  SELECT cgroup_id, samples, usage_count, usage_sum_kib, usage_max_kib, cache_count, cache_sum_kib, cache_max_kib,
         first_at_us, last_at_us, 0 AS is_hour
    FROM sampled
   UNION ALL
  SELECT h.cgroup_id, h.samples, h.usage_count, h.usage_sum_kib, h.usage_max_kib, h.cache_count, h.cache_sum_kib,
         iif(h.cache_max_kib >= 9e15, NULL, h.cache_max_kib),
         max(h.first_hour_us, c.first_seen_at_us),
         min(h.last_hour_us + 3600000000, iif(c.vanished_at_us IS NULL, (SELECT max(started_at_us) FROM scan),
                                              c.last_seen_at_us)), 1
    FROM by_hours h
    JOIN cgroup c USING (cgroup_id)
),
seen AS MATERIALIZED (
  SELECT cgroup_id, sum(samples) AS samples,
         1.0 * sum(usage_sum_kib) / nullif(sum(usage_count), 0) AS usage_avg_kib, max(usage_max_kib) AS usage_max_kib,
         1.0 * sum(cache_sum_kib) / nullif(sum(cache_count), 0) AS cache_avg_kib,
         iif(count(cache_max_kib) FILTER (WHERE is_hour) = sum(is_hour), max(cache_max_kib), NULL) AS cache_max_kib,
         min(first_at_us) AS first_seen_at_us, max(last_at_us) AS last_seen_at_us,
         CASE WHEN NOT max(is_hour) THEN 'samples' WHEN min(is_hour) THEN 'hours' ELSE 'hours and samples' END AS measured
    FROM found
   GROUP BY cgroup_id
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
       seen.measured,
       c.path
  FROM seen
  JOIN v_cgroup c USING (cgroup_id)
 ORDER BY seen.usage_max_kib DESC, c.path;
