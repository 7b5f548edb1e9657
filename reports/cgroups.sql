-- Cgroups seen
-- SPDX-License-Identifier: Apache-2.0
-- Every cgroup with a sample in the window. Cache is what can be dropped: page cache without shared memory
-- and tmpfs. The limit is the smallest of the cgroup's own, its ancestors' and the machine's memory. Reads
-- every sample in the window: a week of a large node takes a while.
-- Most important first: cgroup, usage_max_bytes, cache_max_bytes, limit_bytes, usage_avg_bytes, last_seen_at_us
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
seen_in_part AS (
  SELECT json_extract(one.value, '$[0]') AS cgroup_id, json_extract(one.value, '$[1]') AS samples,
         json_extract(one.value, '$[2]') AS usage_count, json_extract(one.value, '$[3]') AS usage_sum_kib,
         json_extract(one.value, '$[4]') AS usage_max_kib,
         json_extract(one.value, '$[5]') AS cache_count, json_extract(one.value, '$[6]') AS cache_sum_kib,
         json_extract(one.value, '$[7]') AS cache_max_kib,
         json_extract(one.value, '$[8]') AS first_at_us, json_extract(one.value, '$[9]') AS last_at_us
    FROM part,
         json_each((
           SELECT json_group_array(json_array(cgroup_id, samples, usage_count, usage_sum_kib, usage_max_kib,
                                              cache_count, cache_sum_kib, cache_max_kib, first_at_us, last_at_us))
             FROM (SELECT cgroup_id, count(*) AS samples,
                          count(usage_kib) FILTER (WHERE is_full) AS usage_count,
                          sum(usage_kib) FILTER (WHERE is_full) AS usage_sum_kib, max(usage_kib) AS usage_max_kib,
                          count(cache_kib) FILTER (WHERE is_full) AS cache_count,
                          sum(cache_kib) FILTER (WHERE is_full) AS cache_sum_kib, max(cache_kib) AS cache_max_kib,
                          min(at_us) AS first_at_us, max(at_us) AS last_at_us
                     FROM (SELECT s.cgroup_id, sc.started_at_us AS at_us, sc.is_partial IS NOT 1 AS is_full,
                                  iif(typeof(s.usage_kib) = 'integer', s.usage_kib, NULL) AS usage_kib,
                                  iif(typeof(s.reclaimable_cache_kib) = 'integer', s.reclaimable_cache_kib, NULL) AS cache_kib
                             FROM scan sc
                             JOIN sample s ON s.scan_id = sc.scan_id
                            WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
                              AND +s.cgroup_id IN (SELECT cgroup_id FROM v_cgroup  -- by the key, scan by scan
                                                    WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob
                                                       OR workload GLOB :cgroup_glob))
                    GROUP BY cgroup_id))) one
),
seen AS MATERIALIZED (
  SELECT cgroup_id, sum(samples) AS samples,
         1.0 * sum(usage_sum_kib) / nullif(sum(usage_count), 0) AS usage_avg_kib, max(usage_max_kib) AS usage_max_kib,
         1.0 * sum(cache_sum_kib) / nullif(sum(cache_count), 0) AS cache_avg_kib, max(cache_max_kib) AS cache_max_kib,
         min(first_at_us) AS first_seen_at_us, max(last_at_us) AS last_seen_at_us
    FROM seen_in_part
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
       c.path
  FROM seen
  JOIN v_cgroup c USING (cgroup_id)
 ORDER BY seen.usage_max_kib DESC, c.path;
