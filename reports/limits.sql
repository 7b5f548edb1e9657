-- Limits: too small, too large, or reached by a leak
-- SPDX-License-Identifier: Apache-2.0
-- Each workload that has a limit of its own below the machine's memory, and how much its replicas use of it. Use is
-- held memory, which can't be dropped: usage without reclaimable cache and reclaimable slab. All numbers are of one
-- replica; the limit is that of the cgroup that began last. NULL: not known.
-- peak: the highest use in the window. For whole hours (sample_hour) it is an upper bound: the maxima of anonymous,
-- shared and kernel memory together, or of usage if that is less or one of them is not known.
-- p99: 99 % of the samples are at or below it, of at most 120 full scans, evenly spread over the time with samples.
-- typical: the median of hourly averages, of at most 60 whole hours, evenly spread; without whole hours, of the
-- same samples as p99. typical_cache: the average of the cache beside it.
-- leak: of the last cgroup of the workload, or of the one before if that lived longer, at 32 instants, evenly
-- spread. It leaks if the averages of the four quarters of its samples rise by 5 % of the limit or more in all, each
-- step is at least half of the average step, and the lowest sample rises from quarter to quarter, too.
-- lasts: from its begin until it reaches the limit at that rate.
-- advice: 1. A leak. 2. Raise the limit by a quarter, if processes were killed for it or held memory was certainly at
-- 90 % of it. 3. Lower it to the peak and a quarter, if that is at most half of it, and a day or more was seen.
-- Advised limits are rounded up to 16 MiB. A lower limit leaves less room for cache: compare typical_cache.
-- Most important first: workload, limit_bytes, peak_pct, advice, peak_bytes, typical_bytes, oom_kills, restarts, leak_bytes_per_second, lasts_us
WITH RECURSIVE
part AS MATERIALIZED (SELECT * FROM (window_part)),
limited AS MATERIALIZED (
  SELECT c.cgroup_id, coalesce(c.workload, c.name) AS workload, c.limit_bytes, raw.first_seen_at_us AS began_at_us,
         min(:until_us, ifnull(raw.vanished_at_us, :until_us)) AS ended_at_us
    FROM v_cgroup c
    JOIN cgroup raw USING (cgroup_id)
   WHERE (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
     AND c.kind IS NOT 'pod' AND c.kind IS NOT 'inner' AND raw.first_seen_at_us < :until_us
     AND ifnull(raw.vanished_at_us >= :since_us, 1) AND c.limit_bytes > 0
     AND c.limit_bytes < ifnull((SELECT CAST(value AS INTEGER) FROM node WHERE key = 'memory_bytes'), 9223372036854775807)
),
newest AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY workload ORDER BY began_at_us DESC, cgroup_id DESC) AS number
    FROM limited
),
workload AS MATERIALIZED (  -- with max(), SQLite takes the other columns from the row that has it
  SELECT n.workload, n.cgroup_id AS workload_id, n.limit_bytes, longest.cgroup_id AS last_cgroup_id, longest.began_at_us, longest.ended_at_us
    FROM newest n
    JOIN (SELECT workload, cgroup_id, began_at_us, ended_at_us, max(ended_at_us - began_at_us) FROM newest
           WHERE number <= 2 GROUP BY workload) longest USING (workload)
   WHERE n.number = 1
),
member AS MATERIALIZED (
  SELECT l.cgroup_id, n.cgroup_id AS workload_id FROM limited l JOIN newest n USING (workload) WHERE n.number = 1
),
-- Peaks.
sampled AS (
  SELECT json_extract(one.value, '$[0]') AS cgroup_id, json_extract(one.value, '$[1]') AS peak_kib
    FROM part,
         json_each((
           SELECT grouped('max', s.cgroup_id, s.held_kib + max(coalesce(s.peak_kib, s.usage_kib) - s.usage_kib, 0))
             FROM scan sc
             JOIN sample s ON s.scan_id = sc.scan_id
            WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
              AND +s.cgroup_id IN (SELECT cgroup_id FROM limited))) one
   WHERE NOT part.is_hour
),
by_hours AS (  -- week by week, so that the JSON stays small
  SELECT json_extract(one.value, '$[0]') AS cgroup_id, json_extract(one.value, '$[1]') AS least_kib,
         json_extract(one.value, '$[2]') AS most_kib, json_extract(one.value, '$[3]') AS hours
    FROM (SELECT min(from_us) AS from_us, max(from_us) AS to_us FROM part WHERE is_hour GROUP BY from_us / 604800000000) week,
         json_each((
           SELECT grouped('max max sum', h.cgroup_id, h.anon_max_kib,
                          min(max(h.usage_max_kib, ifnull(h.peak_max_kib, 0)),
                              ifnull(h.anon_max_kib + h.shmem_max_kib + h.kernel_max_kib, 9223372036854775807)),
                          1)
             FROM sample_hour h
            WHERE h.hour_at_us BETWEEN week.from_us AND week.to_us
              AND (:cgroup_glob = '*' OR +h.cgroup_id IN (SELECT cgroup_id FROM limited)))) one
),
found AS (
  SELECT cgroup_id, peak_kib AS least_kib, peak_kib AS most_kib, 0 AS hours, 0 AS is_hour FROM sampled
   UNION ALL
  SELECT cgroup_id, max(least_kib), max(most_kib), sum(hours), 1 FROM by_hours GROUP BY cgroup_id
),
peak AS MATERIALIZED (
  SELECT l.workload, max(f.least_kib) * 1024 AS least_bytes, max(f.most_kib) * 1024 AS most_bytes,
         max(f.hours) AS hours,
         CASE WHEN NOT max(f.is_hour) THEN 'samples' WHEN min(f.is_hour) THEN 'hours' ELSE 'hours and samples' END AS measured
    FROM found f
    JOIN limited l USING (cgroup_id)
   GROUP BY l.workload
),
-- Percentiles.
sampled_time AS MATERIALIZED (  -- of the window, from its first scan that has samples on
  SELECT started_at_us AS from_us,
         (SELECT max(started_at_us) FROM scan WHERE started_at_us < :until_us AND is_partial IS NOT 1) AS to_us
    FROM scan
   WHERE scan_id = (SELECT min(scan_id) FROM sample
                     WHERE scan_id >= (SELECT scan_id FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us
                                        ORDER BY started_at_us LIMIT 1))
),
instant (at_us, to_us, step_us) AS (
  SELECT from_us, to_us, (to_us - from_us) / 119 + 1 FROM sampled_time
   UNION ALL
  SELECT at_us + step_us, to_us, step_us FROM instant WHERE at_us < to_us
),
chosen_scan AS MATERIALIZED (  -- the first at each of these instants or after it
  SELECT DISTINCT (SELECT scan_id FROM scan WHERE started_at_us >= min(at_us, to_us) AND is_partial IS NOT 1
                    ORDER BY started_at_us LIMIT 1) AS scan_id
    FROM instant
),
use_of_scan AS MATERIALIZED (
  SELECT l.workload_id, s.held_kib, s.reclaimable_cache_kib AS cache_kib
    FROM chosen_scan
   CROSS JOIN sample s
    JOIN member l USING (cgroup_id)
   WHERE s.scan_id = chosen_scan.scan_id AND s.held_kib IS NOT NULL
),
of_scans AS MATERIALIZED (
  SELECT workload_id, 1024 * max(held_kib) FILTER (WHERE number = (99 * samples + 99) / 100) AS p99_bytes,
         1024 * max(held_kib) FILTER (WHERE number = (samples + 1) / 2) AS typical_bytes, cache_bytes
    FROM (SELECT workload_id, held_kib, row_number() OVER (PARTITION BY workload_id ORDER BY held_kib) AS number
            FROM use_of_scan)
    JOIN (SELECT workload_id, count(*) AS samples, CAST(avg(cache_kib) * 1024 AS INTEGER) AS cache_bytes
            FROM use_of_scan GROUP BY workload_id) USING (workload_id)
   WHERE number IN ((99 * samples + 99) / 100, (samples + 1) / 2)
   GROUP BY workload_id
),
chosen_hour AS MATERIALIZED (
  SELECT from_us
    FROM (SELECT from_us, row_number() OVER (ORDER BY from_us DESC) AS number, count(*) OVER () AS of_number
            FROM part WHERE is_hour)
   WHERE (number - 1) % ((of_number + 59) / 60) = 0
),
use_of_hour AS MATERIALIZED (
  SELECT workload_id, max(usage_kib - ifnull(cache_kib, 0) - ifnull(slab_kib, 0), 0) AS held_kib, cache_kib
    FROM (SELECT l.workload_id, h.usage_avg_kib AS usage_kib, h.slab_reclaimable_avg_kib AS slab_kib,
                 CASE WHEN h.shmem_avg_kib IS NOT NULL THEN max(h.file_avg_kib - h.shmem_avg_kib, 0)
                      ELSE coalesce(min(h.file_avg_kib, h.inactive_file_avg_kib + h.active_file_avg_kib), h.file_avg_kib)
                      END AS cache_kib
            FROM chosen_hour
           CROSS JOIN sample_hour h
            JOIN member l USING (cgroup_id)
           WHERE h.hour_at_us = chosen_hour.from_us AND h.usage_avg_kib IS NOT NULL)
),
of_hours AS MATERIALIZED (
  SELECT workload_id, 1024 * held_kib AS typical_bytes, cache_bytes
    FROM (SELECT workload_id, held_kib, row_number() OVER (PARTITION BY workload_id ORDER BY held_kib) AS number
            FROM use_of_hour)
    JOIN (SELECT workload_id, count(*) AS hours, CAST(avg(cache_kib) * 1024 AS INTEGER) AS cache_bytes
            FROM use_of_hour GROUP BY workload_id) USING (workload_id)
   WHERE number = (hours + 1) / 2
),
-- Leaks.
life (workload, cgroup_id, at_us, to_us, step_us) AS (
  SELECT workload, last_cgroup_id, max(began_at_us, from_us), min(ended_at_us, to_us),
         (min(ended_at_us, to_us) - max(began_at_us, from_us)) / 31 + 1
    FROM workload, sampled_time
   WHERE max(began_at_us, from_us) < min(ended_at_us, to_us)
   UNION ALL
  SELECT workload, cgroup_id, at_us + step_us, to_us, step_us FROM life WHERE at_us + step_us <= to_us
),
life_scan AS (  -- full scans; of a life that has few of them those of cgroups near their limit, too
  SELECT workload, cgroup_id, (SELECT scan_id FROM scan WHERE started_at_us >= at_us AND is_partial IS NOT 1
                                ORDER BY started_at_us LIMIT 1) AS scan_id
    FROM life
   UNION
  SELECT workload, cgroup_id, (SELECT scan_id FROM scan WHERE started_at_us >= at_us ORDER BY started_at_us LIMIT 1)
    FROM life
   WHERE step_us < 10000000
),
quarter AS (
  SELECT l.workload, sc.started_at_us AS at_us, s.held_kib,
         ntile(4) OVER (PARTITION BY l.workload ORDER BY sc.started_at_us) AS quarter
    FROM life_scan l
   CROSS JOIN sample s
   CROSS JOIN scan sc
   WHERE s.scan_id = l.scan_id AND s.cgroup_id = l.cgroup_id AND s.held_kib IS NOT NULL AND sc.scan_id = s.scan_id
),
average AS (
  SELECT workload, quarter, avg(held_kib) * 1024 AS bytes, min(held_kib) AS lowest_kib, avg(at_us) AS at_us, count(*) AS samples
    FROM quarter
   GROUP BY workload, quarter
),
risen AS (
  SELECT *, bytes - lag(bytes) OVER (PARTITION BY workload ORDER BY quarter) AS step_bytes,
         lowest_kib > lag(lowest_kib) OVER (PARTITION BY workload ORDER BY quarter) AS lowest_rises
    FROM average
),
leak AS MATERIALIZED (
  SELECT workload, rate AS bytes_per_second, last_at_us, last_bytes
    FROM (SELECT r.workload, w.limit_bytes, sum(r.samples) AS samples, min(r.step_bytes) AS least_step,
                 sum(r.step_bytes) AS risen_bytes, min(r.lowest_rises) AS lowest_rises,
                 sum(r.step_bytes) * 1000000.0 / nullif(max(r.at_us) - min(r.at_us), 0) AS rate,
                 max(r.at_us) AS last_at_us, max(r.bytes) AS last_bytes
            FROM risen r
            JOIN workload w USING (workload)
           GROUP BY r.workload)
   WHERE samples >= 8 AND lowest_rises AND risen_bytes >= 0.05 * limit_bytes AND least_step >= risen_bytes / 6.0
),
kill AS MATERIALIZED (
  SELECT l.workload, CAST(total(o.kill_count) AS INTEGER) AS oom_kills,
         CAST(total(o.kill_count) FILTER (WHERE o.scope = 'cgroup' AND o.cause IS NOT 'ancestor_limit') AS INTEGER) AS by_limit
    FROM (SELECT DISTINCT workload FROM limited) l
    JOIN v_cgroup c ON coalesce(c.workload, c.name) = l.workload
    JOIN oom_kill o ON o.cgroup_id = c.cgroup_id
   WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   GROUP BY l.workload
),
restart AS MATERIALIZED (SELECT * FROM (window_restart)),
told AS (
  SELECT w.workload, w.limit_bytes, p.most_bytes, p.least_bytes, p.hours, p.measured,
         s.p99_bytes, iif(h.workload_id IS NULL, s.typical_bytes, h.typical_bytes) AS typical_bytes,
         iif(h.workload_id IS NULL, s.cache_bytes, h.cache_bytes) AS typical_cache_bytes,
         ifnull(r.restarts, 0) AS restarts, ifnull(k.oom_kills, 0) AS oom_kills, ifnull(k.by_limit, 0) AS by_limit,
         l.bytes_per_second AS leak,
         max(l.last_at_us - w.began_at_us + (w.limit_bytes - l.last_bytes) / l.bytes_per_second * 1000000.0, 0) AS lasts_us,
         (w.limit_bytes * 5 / 4 + 16777215) / 16777216 * 16 AS raised_mib,
         (max(p.most_bytes, 1) * 5 / 4 + 16777215) / 16777216 * 16 AS lowered_mib
    FROM workload w
    JOIN peak p USING (workload)
    LEFT JOIN of_scans s USING (workload_id)
    LEFT JOIN of_hours h USING (workload_id)
    LEFT JOIN restart r USING (workload)
    LEFT JOIN kill k USING (workload)
    LEFT JOIN leak l USING (workload)
)
SELECT workload,
       limit_bytes,
       most_bytes AS peak_bytes,
       100.0 * most_bytes / limit_bytes AS peak_pct,
       p99_bytes,
       typical_bytes,
       typical_cache_bytes,
       restarts,
       oom_kills,
       leak AS leak_bytes_per_second,
       CAST(lasts_us AS INTEGER) AS lasts_us,
       CASE WHEN leak IS NOT NULL
            THEN 'leaks '
                 || CASE WHEN leak >= 104858 THEN printf('%.1f MiB/s', leak / 1048576)
                         WHEN leak >= 30 THEN printf('%.1f MiB/h', leak * 3600 / 1048576)
                         ELSE printf('%.1f MiB/day', leak * 86400 / 1048576) END
                 || printf(': the limit of %.0f MiB lasts ', limit_bytes / 1048576.0)
                 || CASE WHEN lasts_us < 120000000 THEN printf('%.0f s', lasts_us / 1000000)
                         WHEN lasts_us < 7200000000 THEN printf('%.0f min', lasts_us / 60000000)
                         WHEN lasts_us < 172800000000 THEN printf('%.0f hours', lasts_us / 3600000000)
                         ELSE printf('%.0f days', lasts_us / 86400000000) END
                 || ' from start'
            WHEN by_limit > 0
            THEN by_limit || iif(by_limit = 1, ' OOM kill', ' OOM kills')
                 || printf(' for its limit of %.0f MiB: raise it to %d MiB', limit_bytes / 1048576.0, raised_mib)
            WHEN least_bytes >= 0.9 * limit_bytes
            THEN printf('peak is at %.0f %% of its limit: raise it to %d MiB', 100.0 * most_bytes / limit_bytes, raised_mib)
            WHEN hours >= 24 AND lowered_mib * 2097152 <= limit_bytes
            THEN printf('uses %.0f %% of its limit at most: %d MiB would do', 100.0 * most_bytes / limit_bytes, lowered_mib)
            ELSE '' END AS advice,
       measured
  FROM told
 ORDER BY leak IS NULL, by_limit DESC, peak_pct DESC, workload;
