-- Growth by workload
-- SPDX-License-Identifier: Apache-2.0
-- Which workloads grew from the begin of the window to its end: `report growth --since` the time of a deploy. A
-- workload's usage is the sum over its running replicas (part_replica.sql). Before and after are medians of the five first and the five
-- last full scans in the window (of fewer, if it has less than ten), so that one spike does not count. A scan
-- without the workload counts as 0. Where the samples at an end are gone, it is the average of the hour that covers
-- them (part_lost.sql): `measured` says so. Growth of cache is that of page cache that can be dropped.
-- `change`: new or gone if there was no replica before or after. "at neither end": no replica before and after, but it ran in
-- the window, such as a job or what crashes again and again. "same": it is less than 1 MiB, or less than 1 % of the usage
-- before. NULL: not known. "no trend": the workload goes up and
-- down as much, so the growth depends on when the window begins and ends. 32 moments tell, 16 in each half of the time
-- between the two ends. The lowest and the highest usage are those of a half, without its most extreme moment on
-- either side. It is no trend if both are true:
--   in each half, the highest is over the lowest by at least half of the growth;
--   from one half to the other, the lowest and the highest do not both move with the growth by at least a third of
--   it (of the smaller of the two distances between them, if that is more).
-- docs/numbers.md defines it all.
-- SQLite reads a part anew for each place that names it, with all that it names: deep ones are named as seldom as can be.
WITH RECURSIVE
edge AS MATERIALIZED (  -- the scans in the window; the first and last of them with samples
  SELECT w.first_id, w.last_id,
         (SELECT min(s.scan_id) FROM sample s WHERE s.scan_id BETWEEN w.first_id AND w.last_id) AS sampled_first_id,
         (SELECT max(s.scan_id) FROM sample s WHERE s.scan_id BETWEEN w.first_id AND w.last_id) AS sampled_last_id
    FROM (SELECT (SELECT scan_id FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us
                   ORDER BY started_at_us LIMIT 1) AS first_id,
                 (SELECT scan_id FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us
                   ORDER BY started_at_us DESC LIMIT 1) AS last_id) w
),
lost AS MATERIALIZED (SELECT * FROM (lost)),
end_hour AS (  -- the hour that answers where the samples before the first one left, or after the last one, are gone
  SELECT edge.*,
         min(iif(from_us < ifnull((SELECT started_at_us FROM scan WHERE scan_id = sampled_first_id), to_us), hour_at_us,
                 NULL)) AS before_us,
         max(iif(to_us > ifnull((SELECT started_at_us FROM scan WHERE scan_id = sampled_last_id), from_us), hour_at_us,
                 NULL)) AS after_us
    FROM edge LEFT JOIN lost
),
by_hour AS MATERIALIZED (  -- samples within one hour tell more than that hour alone. scans: at each end
  SELECT *,
         iif(before_hour_us IS NULL AND after_hour_us IS NULL,
             (SELECT count(*) FROM (SELECT 1 FROM scan
                                     WHERE scan_id BETWEEN sampled_first_id AND sampled_last_id AND is_partial IS NOT 1
                                     LIMIT 10)) / 2, 5) AS scans
    FROM (SELECT *,
                 iif(before_us = after_us AND sampled_first_id IS NOT NULL, NULL, before_us) AS before_hour_us,
                 iif(before_us = after_us AND sampled_first_id IS NOT NULL, NULL, after_us) AS after_hour_us
            FROM end_hour)
),
chosen AS (  -- the first and the last full scans
  SELECT is_after, one.value AS scan_id
    FROM by_hour
   CROSS JOIN (SELECT 0 AS is_after UNION ALL SELECT 1)
   CROSS JOIN json_each(
         iif(is_after,
             (SELECT json_group_array(scan_id)
                FROM (SELECT scan_id FROM scan
                       WHERE scan_id BETWEEN sampled_first_id AND sampled_last_id AND is_partial IS NOT 1
                       ORDER BY scan_id DESC LIMIT 5)),
             (SELECT json_group_array(scan_id)
                FROM (SELECT scan_id FROM scan
                       WHERE scan_id BETWEEN sampled_first_id AND sampled_last_id AND is_partial IS NOT 1
                       ORDER BY scan_id LIMIT 5)))) one
   WHERE one.key < scans AND iif(is_after, after_hour_us, before_hour_us) IS NULL
),
sampled AS MATERIALIZED (  -- a scan around which all samples are gone says nothing
  SELECT is_after, scan_id FROM chosen c
   WHERE EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = c.scan_id)
      OR (SELECT cgroup_count FROM scan WHERE scan_id = c.scan_id) = 0
),
asked AS MATERIALIZED (
  SELECT c.cgroup_id, coalesce(c.workload, c.name) AS workload, r.replica
    FROM v_cgroup c
    JOIN (replica) r USING (cgroup_id)
   WHERE c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob
),
total AS MATERIALIZED (  -- of each workload in each scan; NULL: of some replica it is not known
  SELECT e.is_after, e.scan_id, a.workload, count(DISTINCT a.replica) AS replicas,
         iif(count(s.usage_kib) = count(*), sum(s.usage_kib), NULL) AS usage_kib,
         iif(count(s.anon_kib) = count(*), sum(s.anon_kib), NULL) AS anon_kib,
         iif(count(s.reclaimable_cache_kib) = count(*), sum(s.reclaimable_cache_kib), NULL) AS cache_kib
    FROM sampled e
   CROSS JOIN sample s
    JOIN asked a USING (cgroup_id)
   WHERE s.scan_id = e.scan_id
   GROUP BY e.is_after, e.scan_id, a.workload
),
each AS (  -- 0 where the workload is not in a scan
  SELECT e.is_after, w.workload, ifnull(t.replicas, 0) AS replicas, iif(t.replicas IS NULL, 0, t.usage_kib) AS usage_kib,
         iif(t.replicas IS NULL, 0, t.anon_kib) AS anon_kib, iif(t.replicas IS NULL, 0, t.cache_kib) AS cache_kib
    FROM sampled e
   CROSS JOIN (SELECT DISTINCT workload FROM asked) w
    LEFT JOIN total t ON t.is_after = e.is_after AND t.scan_id = e.scan_id AND t.workload = w.workload
),
value AS (
  SELECT is_after, workload, what,
         CASE what WHEN 1 THEN replicas WHEN 2 THEN usage_kib WHEN 3 THEN anon_kib ELSE cache_kib END AS value
    FROM each
   CROSS JOIN (SELECT 1 AS what UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)
),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY is_after, workload, what ORDER BY value) AS number,
         count(*) OVER (PARTITION BY is_after, workload, what) AS of_number
    FROM value
   WHERE value IS NOT NULL
),
median AS (  -- of an even number: half of the sum of the two in the middle, rounded down
  SELECT is_after, workload, what, sum(value) / count(*) AS value
    FROM ranked
   WHERE number IN ((of_number + 1) / 2, (of_number + 2) / 2)
   GROUP BY is_after, workload, what
),
hour_total AS (  -- of each replica in the hours at the ends; NULL: of a part of it it is not known
  SELECT end.is_after, a.workload, max(h.sample_count) AS sample_count,
         iif(count(h.usage_avg_kib) = count(*), sum(h.usage_avg_kib * h.sample_count), NULL) AS usage_kib,
         iif(count(h.anon_avg_kib) = count(*), sum(h.anon_avg_kib * h.sample_count), NULL) AS anon_kib,
         iif(count(h.file_avg_kib) = count(*),
             sum(CASE WHEN h.shmem_avg_kib IS NOT NULL THEN max(h.file_avg_kib - h.shmem_avg_kib, 0)
                      ELSE coalesce(min(h.file_avg_kib, h.inactive_file_avg_kib + h.active_file_avg_kib), h.file_avg_kib)
                      END * h.sample_count), NULL) AS cache_kib,
         (SELECT max(sample_count) FROM sample_hour WHERE hour_at_us = end.at_us) AS scans
    FROM (SELECT is_after, iif(is_after, after_hour_us, before_hour_us) AS at_us
            FROM by_hour
           CROSS JOIN (SELECT 0 AS is_after UNION ALL SELECT 1)) end
   CROSS JOIN sample_hour h
    JOIN asked a USING (cgroup_id)
    JOIN cgroup c USING (cgroup_id)
   WHERE h.hour_at_us = end.at_us AND h.sample_count > 0
     AND c.first_seen_at_us < :until_us AND ifnull(c.vanished_at_us >= :since_us, 1)
   GROUP BY end.is_after, a.workload, a.replica
),
at_end AS (
  SELECT is_after, workload, max(value) FILTER (WHERE what = 1) AS replicas,
         max(value) FILTER (WHERE what = 2) AS usage_kib, max(value) FILTER (WHERE what = 3) AS anon_kib,
         max(value) FILTER (WHERE what = 4) AS cache_kib
    FROM median
   GROUP BY is_after, workload
   UNION ALL  -- what was there for a part of the hour counts for that part
  SELECT is_after, workload, (2 * sum(sample_count) + scans) / (2 * scans),
         iif(count(usage_kib) = count(*), sum(usage_kib) / scans, NULL),
         iif(count(anon_kib) = count(*), sum(anon_kib) / scans, NULL),
         iif(count(cache_kib) = count(*), sum(cache_kib) / scans, NULL)
    FROM hour_total
   GROUP BY is_after, workload
),
ran AS MATERIALIZED (  -- after the first scan in the window
  SELECT DISTINCT a.workload
    FROM edge
    JOIN scan sc ON sc.scan_id = edge.first_id
   CROSS JOIN asked a
    JOIN cgroup c USING (cgroup_id)
   WHERE c.first_seen_at_us < :until_us AND ifnull(c.vanished_at_us > sc.started_at_us, 1)
),
told AS (
  SELECT workload,
         ifnull(max(replicas) FILTER (WHERE NOT is_after), 0) AS replicas_before,
         ifnull(max(replicas) FILTER (WHERE is_after), 0) AS replicas_after,
         iif(max(NOT is_after), max(usage_kib) FILTER (WHERE NOT is_after), 0) AS usage_before_kib,
         iif(max(is_after), max(usage_kib) FILTER (WHERE is_after), 0) AS usage_after_kib,
         iif(max(NOT is_after), max(anon_kib) FILTER (WHERE NOT is_after), 0) AS anon_before_kib,
         iif(max(is_after), max(anon_kib) FILTER (WHERE is_after), 0) AS anon_after_kib,
         iif(max(NOT is_after), max(cache_kib) FILTER (WHERE NOT is_after), 0) AS cache_before_kib,
         iif(max(is_after), max(cache_kib) FILTER (WHERE is_after), 0) AS cache_after_kib
    FROM (SELECT * FROM at_end UNION ALL SELECT NULL, workload, 0, 0, 0, 0 FROM ran)
   GROUP BY workload
),
period AS MATERIALIZED (  -- between the two ends
  SELECT ifnull(before_hour_us, first_us) AS begin_us, ifnull(after_hour_us + 3600000000, last_us) AS end_us,
         before_hour_us IS NOT NULL AND after_hour_us IS NOT NULL AS is_of_hours
    FROM by_hour,
         (SELECT min(started_at_us) AS first_us, max(started_at_us) AS last_us FROM sampled JOIN scan USING (scan_id))
),
number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 31),
moment AS (  -- one in each 32nd, not evenly spread: what goes up and down may do so just as often
  SELECT n / 16 AS half, begin_us, is_of_hours, begin_us + (end_us - begin_us) * (n * 32 + n * 7 % 16 * 2 + 1) / 1024 AS at_us,
         end_us - begin_us >= 115200000000 AS is_by_hour
    FROM number, period
),
moment_scan AS (  -- the first full scan of that hour, which the archive has at hand; the newest up to then if the moments are closer
  SELECT half, at_us, is_of_hours,
         coalesce(iif(is_by_hour, (SELECT scan_id FROM scan
                                    WHERE started_at_us BETWEEN max(begin_us, at_us / 3600000000 * 3600000000) AND at_us
                                      AND is_partial IS NOT 1
                                    ORDER BY started_at_us LIMIT 1), NULL),
                  (SELECT scan_id FROM scan
                    WHERE started_at_us BETWEEN begin_us AND at_us AND is_partial IS NOT 1
                    ORDER BY started_at_us DESC LIMIT 1)) AS scan_id
    FROM moment
),
seen AS MATERIALIZED (  -- that scan; the hour, where its samples are gone, and where both ends are averages of hours, too
  SELECT DISTINCT half, iif(is_sampled, scan_id, NULL) AS scan_id,
         iif(is_sampled, NULL, at_us / 3600000000 * 3600000000) AS hour_us
    FROM (SELECT *, NOT is_of_hours AND EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = m.scan_id) AS is_sampled
            FROM moment_scan m)
),
highest (is_highest) AS (  -- of an hour also the highest, if it is compared with samples: it may go up and down in an hour
  SELECT 0 UNION ALL SELECT 1 FROM by_hour WHERE before_hour_us IS NULL OR after_hour_us IS NULL
),
seen_hour AS MATERIALIZED (
  SELECT * FROM (SELECT half, hour_us, (SELECT max(sample_count) FROM sample_hour WHERE hour_at_us = hour_us) AS scans
                   FROM seen WHERE hour_us IS NOT NULL)
   WHERE scans > 0
),
seen_total AS MATERIALIZED (
  SELECT e.half, e.scan_id AS at, 0 AS is_highest, a.workload,
         iif(count(s.usage_kib) = count(*), sum(s.usage_kib), NULL) AS usage_kib
    FROM seen e
   CROSS JOIN sample s
    JOIN asked a USING (cgroup_id)
   WHERE s.scan_id = e.scan_id
   GROUP BY e.half, e.scan_id, a.workload
   UNION ALL
  SELECT e.half, -e.hour_us, is_highest, a.workload,
         iif(count(h.usage_avg_kib) = count(*),
             sum(iif(is_highest, h.usage_max_kib, h.usage_avg_kib) * h.sample_count) / e.scans, NULL)
    FROM seen_hour e
   CROSS JOIN highest
   CROSS JOIN sample_hour h
    JOIN asked a USING (cgroup_id)
   WHERE h.hour_at_us = e.hour_us AND h.sample_count > 0
   GROUP BY e.half, e.hour_us, is_highest, a.workload
),
seen_place AS MATERIALIZED (
  SELECT half, scan_id AS at, 0 AS is_highest FROM seen WHERE scan_id IS NOT NULL
   UNION ALL
  SELECT half, -hour_us, is_highest FROM seen_hour CROSS JOIN highest
),
seen_each AS (  -- 0 where the workload is not there
  SELECT p.half, w.workload, iif(s.workload IS NULL, 0, s.usage_kib) AS usage_kib
    FROM (SELECT DISTINCT workload FROM asked) w
   CROSS JOIN seen_place p
    LEFT JOIN seen_total s ON s.half = p.half AND s.at = p.at AND s.is_highest = p.is_highest AND s.workload = w.workload
),
seen_ranked AS (
  SELECT *, row_number() OVER (PARTITION BY workload, half ORDER BY usage_kib) AS number,
         count(*) OVER (PARTITION BY workload, half) AS of_number
    FROM seen_each
   WHERE usage_kib IS NOT NULL
),
seen_half AS (
  SELECT workload, half, min(usage_kib) AS lowest_kib, max(usage_kib) AS highest_kib
    FROM seen_ranked
   WHERE of_number >= 4 AND number BETWEEN 2 AND of_number - 1
   GROUP BY workload, half
),
wave AS MATERIALIZED (  -- NULL: of one half too little is known
  SELECT workload, iif(count(*) = 2, min(highest_kib - lowest_kib), NULL) AS swing_kib,
         sum(iif(half = 0, -lowest_kib, lowest_kib)) AS lowest_moved_kib,
         sum(iif(half = 0, -highest_kib, highest_kib)) AS highest_moved_kib
    FROM seen_half
   GROUP BY workload
),
restart AS MATERIALIZED (SELECT * FROM (window_restart)),
grown AS (
  SELECT t.*, usage_after_kib - usage_before_kib AS growth_kib,
         abs(usage_after_kib - usage_before_kib) < max(1024, usage_before_kib / 100.0) AS is_same,
         2 * swing_kib >= abs(usage_after_kib - usage_before_kib)
           AND 3 * iif(usage_after_kib > usage_before_kib, min(lowest_moved_kib, highest_moved_kib),
                                                           min(-lowest_moved_kib, -highest_moved_kib))
             < max(swing_kib, abs(usage_after_kib - usage_before_kib)) AS has_no_trend
    FROM told t
    LEFT JOIN wave USING (workload)
)
SELECT t.workload,
       CASE WHEN replicas_before = 0 AND replicas_after = 0 THEN 'at neither end'
            WHEN replicas_before = 0 THEN 'new' WHEN replicas_after = 0 THEN 'gone'
            WHEN is_same THEN 'same' WHEN has_no_trend THEN 'no trend'
            WHEN growth_kib > 0 THEN 'grew' WHEN growth_kib < 0 THEN 'shrank' END AS change,
       growth_kib * 1024 AS growth_bytes,
       replicas_before,
       replicas_after,
       usage_before_kib * 1024 AS usage_before_bytes,
       usage_after_kib * 1024 AS usage_after_bytes,
       (anon_after_kib - anon_before_kib) * 1024 AS anon_growth_bytes,
       (cache_after_kib - cache_before_kib) * 1024 AS cache_growth_bytes,
       r.restarts,
       CASE WHEN before_hour_us IS NULL AND after_hour_us IS NULL THEN 'samples'
            WHEN before_hour_us IS NULL THEN 'samples, then an hour'
            WHEN after_hour_us IS NULL THEN 'an hour, then samples'
            ELSE 'hours' END AS measured
  FROM grown t
 CROSS JOIN by_hour
  LEFT JOIN restart r USING (workload)
 WHERE (replicas_before > 0 OR replicas_after > 0 OR t.workload IN (SELECT workload FROM ran))
   AND ifnull(before_hour_us < after_hour_us, 1)  -- else the window has one hour alone
   AND (before_hour_us IS NOT NULL OR EXISTS (SELECT 1 FROM sampled WHERE NOT is_after))
   AND (after_hour_us IS NOT NULL OR EXISTS (SELECT 1 FROM sampled WHERE is_after))
 ORDER BY CASE change WHEN 'no trend' THEN 1 WHEN 'at neither end' THEN 2 WHEN 'same' THEN 3 ELSE 0 END, growth_bytes DESC,
          t.workload;
