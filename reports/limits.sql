-- Limits: too small, too large, or reached by a leak
-- SPDX-License-Identifier: Apache-2.0
-- Each workload that has a limit of its own below the machine's memory, and how much its replicas use of it. Use is
-- held memory, which can't be dropped: usage without reclaimable cache and reclaimable slab. All numbers are of one
-- replica; the limit is that of the cgroup that began last. NULL: not known.
-- limit_of: "pod" is a limit that the containers of a pod share: one of them has none of its own, or their names are not
-- known. Then use is that of the whole pod (of full scans), and so are the kills. Where each container has a limit, the
-- pod's is their sum: it has no row.
-- peak: the highest use in the window, in a sample, or at an OOM kill for the limit: what was held then, by the kernel's
-- log; without that, the limit of memory, unless cache could not be dropped in time. More may have been held between two
-- samples: sample.peak_kib does not tell, because it counts cache, too. For whole hours (sample_hour) it is an upper bound:
-- the maxima of anonymous, shared and kernel memory together, or of usage if that is less or one of them is not known. Of
-- a pod: their sum over its cgroups, at most its highest limit. It is at least p99 and typical: memory that the kernel has
-- counted, but not yet as anything, is in those.
-- p99: 99 % of the samples are at or below it, of at most 120 full scans, evenly spread over the time with samples. Scans that
-- would be an hour apart or more are the first of their hour, which the archive has at hand.
-- typical: the median of hourly averages, of at most 60 whole hours, evenly spread: in each hour the average while it ran.
-- Without whole hours, of the same samples as p99. typical_cache: the average of the cache beside it.
-- leak: of the last cgroup of the workload, or of the one before if that lived longer, at 32 instants, evenly
-- spread (by the hour as above). It leaks if the averages of the four quarters of its samples rise by 5 % of the limit or more in all, each
-- step is at least half of the average step, and the lowest sample rises from quarter to quarter, too. A pod lives on
-- when its containers restart: each container is looked at alone (of those without a name the last four), and so is what
-- the pod holds beyond them. The one that rose most answers.
-- lasts: from its begin until it reaches the limit at that rate. Of a pod, with what the other cgroups held on average
-- beside it. If half of the rise or more is shared memory, a tmpfs fills up: no reclaim frees it, and a pod's tmpfs stays
-- full when a container restarts.
-- advice: 1. A leak. 2. Raise the limit by a quarter, if processes were killed for it or held memory was certainly at
-- 90 % of it. If most were killed for shared memory, bounding that comes first. With less than 8 samples of what was
-- killed, a leak is not told from a limit that is too small, unless `cause` says so of most kills. 3. Lower it to the peak
-- and a quarter, if that is at most half of it, and a day or more was seen.
-- Advised limits are rounded up to 16 MiB. A lower limit leaves less room for cache: compare typical_cache.
-- Most important first: workload, limit_bytes, peak_pct, advice, limit_of, peak_bytes, typical_bytes, oom_kills, restarts, leak_bytes_per_second, lasts_us
WITH RECURSIVE
part AS MATERIALIZED (SELECT * FROM (window_part)),
member AS MATERIALIZED (  -- the cgroups of the window
  SELECT c.cgroup_id, coalesce(c.workload, c.name) AS workload, c.kind, c.pod_uid, c.pod, c.container, c.limit_bytes,
         raw.first_seen_at_us AS began_at_us, min(:until_us, ifnull(raw.vanished_at_us, :until_us)) AS ended_at_us,
         ifnull(raw.vanished_at_us, (SELECT max(started_at_us) FROM scan)) - raw.first_seen_at_us AS lived_us,
         ifnull(c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob, 0) AS is_asked,
         ifnull(c.limit_bytes > 0 AND c.limit_bytes < ifnull((SELECT CAST(value AS INTEGER) FROM node WHERE key = 'memory_bytes'),
                                                             9223372036854775807), 0) AS has_limit
    FROM v_cgroup c
    JOIN cgroup raw USING (cgroup_id)
   WHERE c.kind IS NOT 'inner' AND raw.first_seen_at_us < :until_us AND ifnull(raw.vanished_at_us >= :since_us, 1)
),
shared AS (  -- beside each cgroup of a pod what is known of the pod. A container may get its limit after it is made; limits are
             -- read again each minute
  SELECT *, max(iif(kind = 'pod' AND has_limit, cgroup_id, NULL)) OVER of_pod AS pod_id,
         max(iif(kind = 'pod' AND has_limit, workload, NULL)) OVER of_pod AS pod_workload,
         max(iif(kind = 'pod' AND has_limit, limit_bytes, NULL)) OVER of_pod AS pod_limit_bytes,
         max(iif(kind = 'pod' AND has_limit, began_at_us, NULL)) OVER of_pod AS pod_began_at_us,
         max(iif(kind = 'pod' AND has_limit, ended_at_us, NULL)) OVER of_pod AS pod_ended_at_us,
         pod_uid IS NOT NULL AND max(is_asked) OVER of_pod
           AND (max(pod) OVER of_pod IS NULL
                OR max(kind = 'container' AND container IS NOT NULL AND limit_bytes IS NULL AND lived_us > 60000000
                       AND EXISTS (SELECT 1 FROM cgroup_limit l WHERE l.cgroup_id = member.cgroup_id)) OVER of_pod)
           AS shares_limit
    FROM member
  WINDOW of_pod AS (PARTITION BY pod_uid)
),
unit AS MATERIALIZED (  -- what has a limit: a cgroup, or all cgroups of a pod. number: the newest of a workload is 1
  SELECT cgroup_id, unit_id, is_pod, workload, began_at_us, ended_at_us, dense_rank() OVER newest AS number,
         first_value(unit_id) OVER newest AS workload_id, first_value(kind) OVER newest AS workload_kind,
         first_value(limit_bytes) OVER newest AS workload_limit_bytes,
         first_value(is_in_pod) OVER newest AS is_in_pod
    FROM (SELECT cgroup_id, iif(is_pod, pod_id, cgroup_id) AS unit_id, is_pod, pod_uid IS NOT NULL AS is_in_pod,
                 iif(is_pod, 'pod', kind) AS kind,
                 iif(is_pod, pod_workload, workload) AS workload,
                 iif(is_pod, pod_limit_bytes, limit_bytes) AS limit_bytes,
                 iif(is_pod, pod_began_at_us, began_at_us) AS began_at_us,
                 iif(is_pod, pod_ended_at_us, ended_at_us) AS ended_at_us
            FROM shared
           CROSS JOIN (SELECT 0 AS is_pod UNION ALL SELECT 1)
           WHERE CASE WHEN is_pod THEN pod_id IS NOT NULL AND shares_limit
                      ELSE is_asked AND has_limit AND kind IS NOT 'pod'
                           AND NOT (pod_id IS NOT NULL AND shares_limit AND container IS NULL) END)
  WINDOW newest AS (PARTITION BY workload ORDER BY began_at_us DESC, unit_id DESC)
),
workload AS MATERIALIZED (  -- with max(), SQLite takes the other columns from the row that has it
  SELECT workload, workload_id, workload_kind AS kind, workload_limit_bytes AS limit_bytes, is_in_pod, unit_id AS last_unit_id,
         began_at_us, ended_at_us, max(ended_at_us - began_at_us)
    FROM unit
   WHERE number <= 2
   GROUP BY workload
),
-- Peaks.
sampled AS (
  SELECT json_extract(one.value, '$[0]') AS unit_id, json_extract(one.value, '$[1]') AS peak_kib, 0 AS is_pod
    FROM part,
         json_each((
           SELECT grouped('max', s.cgroup_id, s.held_kib)
             FROM scan sc
             JOIN sample s ON s.scan_id = sc.scan_id
            WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
              AND +s.cgroup_id IN (SELECT cgroup_id FROM unit WHERE NOT is_pod))) one
   WHERE NOT part.is_hour
   UNION ALL
  SELECT json_extract(one.value, '$[0]'), json_extract(one.value, '$[1]'), 1
    FROM part,
         json_each((
           SELECT grouped('max', unit_id, held_kib)
             FROM (SELECT u.unit_id, iif(count(s.held_kib) = count(*), sum(s.held_kib), NULL) AS held_kib
                     FROM scan sc
                    CROSS JOIN sample s
                    CROSS JOIN unit u
                    WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us AND sc.is_partial IS NOT 1
                      AND s.scan_id = sc.scan_id AND u.cgroup_id = s.cgroup_id AND u.is_pod
                    GROUP BY sc.scan_id, u.unit_id))) one
   WHERE NOT part.is_hour AND EXISTS (SELECT 1 FROM unit WHERE is_pod)
),
by_hours AS (  -- week by week, so that the JSON stays small
  SELECT json_extract(one.value, '$[0]') AS unit_id, json_extract(one.value, '$[1]') AS least_kib,
         json_extract(one.value, '$[2]') AS most_kib, json_extract(one.value, '$[3]') AS hours, 0 AS is_pod
    FROM (SELECT min(from_us) AS from_us, max(from_us) AS to_us FROM part WHERE is_hour GROUP BY from_us / 604800000000) week,
         json_each((
           SELECT grouped('max max sum', h.cgroup_id, h.anon_max_kib,
                          min(max(h.usage_max_kib, ifnull(h.peak_max_kib, 0)),
                              ifnull(h.anon_max_kib + h.shmem_max_kib + h.kernel_max_kib, 9223372036854775807)),
                          1)
             FROM sample_hour h
            WHERE h.hour_at_us BETWEEN week.from_us AND week.to_us
              AND (:cgroup_glob = '*' OR +h.cgroup_id IN (SELECT cgroup_id FROM unit WHERE NOT is_pod)))) one
   UNION ALL
  SELECT json_extract(one.value, '$[0]'), json_extract(one.value, '$[1]'), json_extract(one.value, '$[2]'),
         json_extract(one.value, '$[3]'), 1
    FROM (SELECT min(from_us) AS from_us, max(from_us) AS to_us FROM part WHERE is_hour GROUP BY from_us / 604800000000) week,
         json_each((
           SELECT grouped('max max sum', unit_id, least_kib,
                          min(most_kib, (SELECT max(limit_bytes) / 1024 FROM cgroup_limit WHERE cgroup_id = unit_id)), 1)
             FROM (SELECT u.unit_id, sum(h.anon_avg_kib * h.sample_count) / nullif(max(h.sample_count), 0) AS least_kib,
                          sum(min(max(h.usage_max_kib, ifnull(h.peak_max_kib, 0)),
                                  ifnull(h.anon_max_kib + h.shmem_max_kib + h.kernel_max_kib, 9223372036854775807)))
                            AS most_kib
                     FROM sample_hour h
                    CROSS JOIN unit u
                    WHERE h.hour_at_us BETWEEN week.from_us AND week.to_us AND u.cgroup_id = h.cgroup_id AND u.is_pod
                    GROUP BY h.hour_at_us, u.unit_id))) one
   WHERE EXISTS (SELECT 1 FROM unit WHERE is_pod)
),
found AS (
  SELECT unit_id, is_pod, peak_kib AS least_kib, peak_kib AS most_kib, 0 AS hours, 0 AS is_hour FROM sampled
   UNION ALL
  SELECT unit_id, is_pod, max(least_kib), max(most_kib), sum(hours), 1 FROM by_hours GROUP BY is_pod, unit_id
),
peak AS MATERIALIZED (
  SELECT u.workload, max(f.least_kib) * 1024 AS least_bytes, max(f.most_kib) * 1024 AS most_bytes,
         max(f.hours) AS hours,
         CASE WHEN NOT max(f.is_hour) THEN 'samples' WHEN min(f.is_hour) THEN 'hours' ELSE 'hours and samples' END AS measured
    FROM found f
    JOIN unit u USING (unit_id, is_pod)
   GROUP BY u.workload
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
instant (at_us, from_us, to_us, step_us) AS (
  SELECT from_us, from_us, to_us, (to_us - from_us) / 119 + 1 FROM sampled_time
   UNION ALL
  SELECT at_us + step_us, from_us, to_us, step_us FROM instant WHERE at_us < to_us
),
chosen_scan AS MATERIALIZED (  -- the first at each of these instants or after it
  SELECT DISTINCT (SELECT scan_id FROM scan
                    WHERE started_at_us >= max(from_us, min(iif(step_us >= 3600000000, at_us / 3600000000 * 3600000000, at_us), to_us))
                      AND is_partial IS NOT 1
                    ORDER BY started_at_us LIMIT 1) AS scan_id
    FROM instant
),
use_of_scan AS (
  SELECT u.workload_id, s.held_kib, s.reclaimable_cache_kib AS cache_kib
    FROM chosen_scan
   CROSS JOIN sample s
    JOIN unit u USING (cgroup_id)
   WHERE s.scan_id = chosen_scan.scan_id AND NOT u.is_pod AND s.usage_kib IS NOT NULL
   UNION ALL
  SELECT u.workload_id, sum(s.held_kib), sum(s.reclaimable_cache_kib)
    FROM chosen_scan
   CROSS JOIN sample s
    JOIN unit u USING (cgroup_id)
   WHERE s.scan_id = chosen_scan.scan_id AND u.is_pod AND EXISTS (SELECT 1 FROM unit WHERE is_pod)
   GROUP BY s.scan_id, u.unit_id
  HAVING count(s.held_kib) = count(*)
),
of_scans AS MATERIALIZED (
  SELECT json_extract(value, '$[0]') AS workload_id, 1024 * json_extract(value, '$[1]') AS p99_bytes,
         1024 * json_extract(value, '$[2]') AS typical_bytes,
         CAST(1024.0 * json_extract(value, '$[3]') / json_extract(value, '$[4]') AS INTEGER) AS cache_bytes
    FROM json_each((SELECT grouped('p99 p50 sum sum', workload_id, held_kib, held_kib, cache_kib, cache_kib IS NOT NULL)
                      FROM use_of_scan))
),
chosen_hour AS MATERIALIZED (
  SELECT from_us
    FROM (SELECT from_us, row_number() OVER (ORDER BY from_us DESC) AS number, count(*) OVER () AS of_number
            FROM part WHERE is_hour)
   WHERE (number - 1) % ((of_number + 59) / 60) = 0
),
cgroup_hour AS NOT MATERIALIZED (  -- sums of its samples
  SELECT hour_at_us, cgroup_id, sample_count, usage_kib, sample_count * cache_kib AS cache_kib,
         sample_count * max(usage_kib - ifnull(cache_kib, 0) - ifnull(slab_kib, 0), 0) AS held_kib
    FROM (SELECT hour_at_us, cgroup_id, sample_count, usage_avg_kib AS usage_kib, slab_reclaimable_avg_kib AS slab_kib,
                 CASE WHEN shmem_avg_kib IS NOT NULL THEN max(file_avg_kib - shmem_avg_kib, 0)
                      ELSE coalesce(min(file_avg_kib, inactive_file_avg_kib + active_file_avg_kib), file_avg_kib)
                      END AS cache_kib
            FROM chosen_hour
           CROSS JOIN sample_hour
           WHERE hour_at_us = from_us AND sample_count > 0)
),
unit_hour AS (  -- what of a pod was there for a part of the hour counts for that part
  SELECT hour_at_us, workload_id, sample_count, cache_kib, held_kib
    FROM cgroup_hour h
   CROSS JOIN unit u USING (cgroup_id)
   WHERE NOT u.is_pod AND usage_kib IS NOT NULL
   UNION ALL
  SELECT hour_at_us, workload_id, max(sample_count), sum(cache_kib), sum(held_kib)
    FROM cgroup_hour h
   CROSS JOIN unit u USING (cgroup_id)
   WHERE u.is_pod AND EXISTS (SELECT 1 FROM unit WHERE is_pod)
   GROUP BY hour_at_us, u.unit_id
  HAVING count(usage_kib) = count(*)
),
use_of_hour AS (
  SELECT workload_id, sum(held_kib) / sum(sample_count) AS held_kib, sum(cache_kib) / sum(sample_count) AS cache_kib
    FROM unit_hour
   GROUP BY hour_at_us, workload_id
),
of_hours AS MATERIALIZED (
  SELECT json_extract(value, '$[0]') AS workload_id, 1024 * json_extract(value, '$[1]') AS typical_bytes,
         CAST(1024.0 * json_extract(value, '$[2]') / json_extract(value, '$[3]') AS INTEGER) AS cache_bytes
    FROM json_each((SELECT grouped('p50 sum sum', workload_id, held_kib, cache_kib, cache_kib IS NOT NULL) FROM use_of_hour))
),
-- Leaks.
suspect AS MATERIALIZED (
  SELECT workload, unit_id, cgroup_id, container, began_at_us, ended_at_us, max(ended_at_us - began_at_us)
    FROM (SELECT w.workload, u.unit_id, m.cgroup_id, m.container, m.began_at_us, m.ended_at_us,
                 row_number() OVER (PARTITION BY w.workload, m.kind, m.container ORDER BY m.began_at_us DESC) AS number
            FROM workload w
            JOIN unit u ON u.unit_id = w.last_unit_id
            JOIN member m USING (cgroup_id))
   WHERE number <= iif(container IS NULL, 4, 2)
   GROUP BY workload, ifnull(container, cgroup_id)
),
life (workload, unit_id, cgroup_id, at_us, begin_us, to_us, step_us) AS (
  SELECT workload, unit_id, cgroup_id, max(began_at_us, from_us), max(began_at_us, from_us), min(ended_at_us, to_us),
         (min(ended_at_us, to_us) - max(began_at_us, from_us)) / 31 + 1
    FROM suspect, sampled_time
   WHERE max(began_at_us, from_us) < min(ended_at_us, to_us)
   UNION ALL
  SELECT workload, unit_id, cgroup_id, at_us + step_us, begin_us, to_us, step_us FROM life WHERE at_us + step_us <= to_us
),
life_scan AS (  -- full scans; of a life that has few of them those of cgroups near their limit, too
  SELECT workload, unit_id, cgroup_id,
         (SELECT scan_id FROM scan
           WHERE started_at_us >= max(begin_us, iif(step_us >= 3600000000, at_us / 3600000000 * 3600000000, at_us))
             AND is_partial IS NOT 1
           ORDER BY started_at_us LIMIT 1) AS scan_id
    FROM life
   UNION
  SELECT workload, unit_id, cgroup_id,
         (SELECT scan_id FROM scan WHERE started_at_us >= at_us ORDER BY started_at_us LIMIT 1)
    FROM life
   WHERE step_us < 10000000
),
life_use AS (  -- a partial scan may lack the others
  SELECT l.workload, l.cgroup_id, sc.started_at_us AS at_us, sum(s.held_kib) FILTER (WHERE s.cgroup_id = l.cgroup_id) AS held_kib,
         sum(s.shmem_kib) FILTER (WHERE s.cgroup_id = l.cgroup_id) AS shmem_kib,
         iif(u.is_pod AND sc.is_partial IS 1, NULL, total(s.held_kib) FILTER (WHERE s.cgroup_id <> l.cgroup_id)) AS others_kib
    FROM life_scan l
   CROSS JOIN unit u
   CROSS JOIN sample s
   CROSS JOIN scan sc
   WHERE u.unit_id = l.unit_id AND s.scan_id = l.scan_id AND s.cgroup_id = u.cgroup_id AND sc.scan_id = s.scan_id
   GROUP BY l.workload, l.cgroup_id, sc.scan_id
),
quarter AS (
  SELECT *, ntile(4) OVER (PARTITION BY workload, cgroup_id ORDER BY at_us) AS quarter FROM life_use WHERE held_kib IS NOT NULL
),
average AS (
  SELECT workload, cgroup_id, quarter, avg(held_kib) * 1024 AS bytes, min(held_kib) AS lowest_kib, avg(at_us) AS at_us,
         count(*) AS samples, avg(shmem_kib) * 1024 AS shmem_bytes, avg(others_kib) * 1024 AS others_bytes
    FROM quarter
   GROUP BY workload, cgroup_id, quarter
),
stepped AS (
  SELECT *, bytes - lag(bytes) OVER next AS step_bytes, lowest_kib > lag(lowest_kib) OVER next AS lowest_rises,
         shmem_bytes - lag(shmem_bytes) OVER next AS shmem_step_bytes
    FROM average
  WINDOW next AS (PARTITION BY workload, cgroup_id ORDER BY quarter)
),
risen AS MATERIALIZED (
  SELECT workload, cgroup_id, sum(step_bytes) AS risen_bytes, min(step_bytes) AS least_step, min(lowest_rises) AS lowest_rises,
         sum(shmem_step_bytes) AS shmem_bytes, sum(step_bytes) * 1000000.0 / nullif(max(at_us) - min(at_us), 0) AS rate,
         max(at_us) AS last_at_us, max(bytes) AS last_bytes, avg(others_bytes) AS others_bytes
    FROM stepped
   GROUP BY workload, cgroup_id
  HAVING sum(samples) >= 8
),
leak AS MATERIALIZED (
  SELECT workload, rate AS bytes_per_second, s.container, ifnull(shmem_bytes >= 0.5 * risen_bytes, 0) AS is_tmpfs,
         max(last_at_us - s.began_at_us + (w.limit_bytes - others_bytes - last_bytes) / rate * 1000000.0, 0) AS lasts_us,
         max(risen_bytes)
    FROM risen
    JOIN suspect s USING (workload, cgroup_id)
    JOIN workload w USING (workload)
   WHERE lowest_rises AND risen_bytes >= 0.05 * w.limit_bytes AND least_step >= risen_bytes / 6.0
   GROUP BY workload
),
killed AS MATERIALIZED (
  SELECT *, CASE WHEN measured_by = 'kernel_log' THEN max(usage_bytes - cache_bytes - ifnull(slab_reclaimable_bytes, 0), 0)
                 WHEN finer_scope IS NULL AND cause IS NOT 'cache' THEN limit_bytes END AS held_bytes
    FROM (SELECT w.workload, c.container, o.oom_kill_id, o.scope = 'cgroup' AND o.cause IS NOT 'ancestor_limit' AS is_by_limit
            FROM workload w
            JOIN v_cgroup c ON coalesce(c.workload, c.name) = w.workload
            JOIN oom_kill o ON o.cgroup_id = c.cgroup_id
           WHERE w.kind IS NOT 'pod'
           UNION ALL
          SELECT u.workload, m.container, o.oom_kill_id,
                 o.scope = 'cgroup' AND ifnull(o.limit_path = p.path, o.cause IS NOT 'ancestor_limit')
            FROM unit u
            JOIN member m USING (cgroup_id)
            JOIN cgroup p ON p.cgroup_id = u.unit_id
            JOIN oom_kill o ON o.cgroup_id = u.cgroup_id
           WHERE u.is_pod)
    JOIN oom_kill USING (oom_kill_id)
   WHERE killed_at_us >= :since_us AND killed_at_us < :until_us
),
kill AS MATERIALIZED (
  SELECT workload, CAST(total(kill_count) AS INTEGER) AS oom_kills,
         CAST(total(kill_count) FILTER (WHERE is_by_limit) AS INTEGER) AS by_limit,
         total(kill_count) FILTER (WHERE is_by_limit AND cause = 'shmem') AS by_tmpfs,
         total(kill_count) FILTER (WHERE is_by_limit AND cause = 'limit_too_small') AS by_small,
         max(held_bytes) FILTER (WHERE is_by_limit) AS held_bytes
    FROM killed
   GROUP BY workload
),
restart AS MATERIALIZED (SELECT * FROM (window_restart)),
told AS (
  SELECT w.workload, w.limit_bytes, w.is_in_pod, iif(w.kind IN ('pod', 'container'), w.kind, 'cgroup') AS limit_of,
         max(p.most_bytes, ifnull(k.held_bytes, 0), ifnull(s.p99_bytes, 0),
             coalesce(h.typical_bytes, s.typical_bytes, 0)) AS most_bytes,
         max(ifnull(p.least_bytes, 0), ifnull(s.p99_bytes, 0)) AS least_bytes, p.hours, p.measured,
         s.p99_bytes, coalesce(h.typical_bytes, s.typical_bytes) AS typical_bytes,
         iif(h.workload_id IS NULL, s.cache_bytes, h.cache_bytes) AS typical_cache_bytes,
         r.restarts, ifnull(k.oom_kills, 0) AS oom_kills, ifnull(k.by_limit, 0) AS by_limit,
         ifnull(2 * k.by_tmpfs > k.by_limit, 0) AS is_by_tmpfs,
         2 * k.by_small > k.by_limit
           OR EXISTS (SELECT 1 FROM risen
                       JOIN suspect x USING (workload, cgroup_id)
                       JOIN killed d USING (workload)
                      WHERE risen.workload = w.workload AND d.is_by_limit AND d.container IS x.container) AS is_told,
         l.bytes_per_second AS leak, l.is_tmpfs, l.container, l.lasts_us,
         (w.limit_bytes * 5 / 4 + 16777215) / 16777216 * 16 AS raised_mib
    FROM workload w
    JOIN peak p USING (workload)
    LEFT JOIN of_scans s USING (workload_id)
    LEFT JOIN of_hours h USING (workload_id)
    LEFT JOIN restart r USING (workload)
    LEFT JOIN kill k USING (workload)
    LEFT JOIN leak l USING (workload)
),
advised AS (
  SELECT *, iif(limit_of = 'pod', 'the pod''s limit', 'its limit') AS which,
         printf('%.0f MiB', limit_bytes / 1048576.0) AS limit_text,
         (max(most_bytes, 1) * 5 / 4 + 16777215) / 16777216 * 16 AS lowered_mib,
         CASE WHEN leak >= 104858 THEN printf('%.1f MiB/s', leak / 1048576)
              WHEN leak >= 30 THEN printf('%.1f MiB/h', leak * 3600 / 1048576)
              ELSE printf('%.1f MiB/day', leak * 86400 / 1048576) END AS leak_text,
         CASE WHEN lasts_us < 120000000 THEN printf('%.0f s', lasts_us / 1000000)
              WHEN lasts_us < 7200000000 THEN printf('%.0f min', lasts_us / 60000000)
              WHEN lasts_us < 172800000000 THEN printf('%.0f hours', lasts_us / 3600000000)
              ELSE printf('%.0f days', lasts_us / 86400000000) END AS lasts_text
    FROM told
)
SELECT workload,
       limit_bytes,
       limit_of,
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
            THEN iif(limit_of = 'pod', ifnull(container || ' ', ''), '')
                 || iif(is_tmpfs, 'fills tmpfs or shared memory, which can''t be dropped, by ', 'leaks ') || leak_text
                 || iif(limit_of = 'pod', ': the pod''s limit of ', ': the limit of ') || limit_text || ' lasts ' || lasts_text
                 || ' from start'
                 || iif(is_tmpfs AND is_in_pod, ', and the pod''s tmpfs stays full when a container restarts', '')
            WHEN by_limit > 0
            THEN by_limit || iif(by_limit = 1, ' OOM kill', ' OOM kills') || ' for ' || which || ' of ' || limit_text
                 || iif(is_by_tmpfs, ', full of tmpfs or shared memory: bound that, or raise the limit', ': raise it')
                 || printf(' to %d MiB', raised_mib)
                 || iif(is_by_tmpfs OR is_told, '', ', or mend a leak (too few samples to tell which)')
            WHEN least_bytes >= 0.9 * limit_bytes
            THEN printf('peak is at %.0f %% of ', 100.0 * most_bytes / limit_bytes) || which
                 || printf(': raise it to %d MiB', raised_mib)
            WHEN hours >= 24 AND lowered_mib * 2097152 <= limit_bytes
            THEN printf('peak is at %.0f %% of ', 100.0 * most_bytes / limit_bytes) || which
                 || printf(': %d MiB would do', lowered_mib)
            ELSE '' END AS advice,
       measured
  FROM advised
 ORDER BY leak IS NULL, by_limit DESC, peak_pct DESC, workload;
