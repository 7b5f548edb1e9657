-- Cgroups that came close to their limit without a kill
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of near_miss in brackets. A row for each such cgroup, which near_misses.sql
-- explains. One more with is_stuck = -1 and without cgroup_id where it is not known of some: `cgroups`, up to at_us.
WITH
part AS MATERIALIZED (SELECT * FROM (window_part)),
asked AS MATERIALIZED (
  SELECT cgroup_id, path, kind IS 'pod' AS is_pod FROM v_cgroup
   WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob OR workload GLOB :cgroup_glob
),
member AS MATERIALIZED (  -- of pods
  SELECT cgroup_id AS pod_id, cgroup_id, path FROM asked WHERE is_pod
   UNION ALL
  SELECT p.cgroup_id, c.cgroup_id, p.path
    FROM cgroup c
    JOIN asked p ON p.path = rtrim(rtrim(c.path, replace(c.path, '/', '')), '/')
   WHERE c.kind = 'container' AND p.is_pod
),
lowest AS MATERIALIZED (  -- limit that was ever in force
  SELECT cgroup_id, is_pod, min(effective_limit_bytes) AS limit_bytes
    FROM cgroup_limit JOIN asked USING (cgroup_id)
   WHERE typeof(effective_limit_bytes) = 'integer'
   GROUP BY cgroup_id
),
highest AS (  -- use in a whole hour, at most
  SELECT h.hour_at_us, h.cgroup_id, max(h.usage_max_kib, ifnull(h.peak_max_kib, 0)) AS kib, h.anon_max_kib,
         lowest.limit_bytes
    FROM part
   CROSS JOIN sample_hour h
   CROSS JOIN lowest
   WHERE part.is_hour AND h.hour_at_us = part.from_us
     AND max(h.usage_max_kib, ifnull(h.peak_max_kib, 0)) * 1024 >= (SELECT 0.95 * min(limit_bytes) FROM lowest)  -- most are not
     AND lowest.cgroup_id = h.cgroup_id AND NOT lowest.is_pod
     AND max(h.usage_max_kib, ifnull(h.peak_max_kib, 0)) * 1024 >= 0.95 * lowest.limit_bytes
   UNION ALL
  SELECT h.hour_at_us, m.pod_id, sum(h.usage_max_kib), NULL, lowest.limit_bytes
    FROM part
   CROSS JOIN sample_hour h
   CROSS JOIN member m
   CROSS JOIN lowest
   WHERE EXISTS (SELECT 1 FROM member)
     AND part.is_hour AND h.hour_at_us = part.from_us AND m.cgroup_id = h.cgroup_id AND lowest.cgroup_id = m.pod_id
   GROUP BY h.hour_at_us, m.pod_id
  HAVING sum(h.usage_max_kib) * 1024 >= 0.95 * lowest.limit_bytes
),
full_hour AS (  -- by the limits that were in force in that hour
  SELECT h.hour_at_us, h.cgroup_id, h.anon_max_kib * 1024 AS anon_bytes, max(l.effective_limit_bytes) AS limit_bytes,
         EXISTS (SELECT 1 FROM oom_kill o
                  WHERE (o.cgroup_id = h.cgroup_id OR o.limit_path = (SELECT path FROM asked WHERE cgroup_id = h.cgroup_id))
                    AND o.killed_at_us BETWEEN h.hour_at_us - 3900000000 AND h.hour_at_us + 3900000000
                    AND coalesce(o.last_killed_at_us, o.killed_at_us) >= h.hour_at_us - 300000000) AS is_killed
    FROM highest h
    JOIN cgroup_limit l ON l.cgroup_id = h.cgroup_id AND l.changed_at_us < h.hour_at_us + 3600000000
         AND l.changed_at_us >= ifnull((SELECT max(changed_at_us) FROM cgroup_limit
                                         WHERE cgroup_id = h.cgroup_id AND changed_at_us <= h.hour_at_us), 0)
   GROUP BY h.hour_at_us, h.cgroup_id
  HAVING h.kib * 1024 >= 0.95 * min(l.effective_limit_bytes)
),
-- A name that is used n times below is planned n times, with all names that it uses: this one is used as seldom as can be.
full AS MATERIALIZED (  -- is_sampled: all samples of the hour are left, which is looked up once for each hour
  SELECT hour_at_us, cgroup_id, anon_bytes, limit_bytes, is_killed, max(is_sampled) OVER (PARTITION BY hour_at_us) AS is_sampled
    FROM (SELECT *, CASE WHEN number = 1 THEN
                      EXISTS (SELECT 1 FROM scan WHERE started_at_us >= f.hour_at_us AND started_at_us < f.hour_at_us + 3600000000)
                      AND NOT EXISTS (SELECT 1 FROM scan sc
                                       WHERE sc.started_at_us >= f.hour_at_us AND sc.started_at_us < f.hour_at_us + 3600000000
                                         AND sc.is_partial IS NOT 1 AND sc.cgroup_count > 0
                                         AND NOT EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = sc.scan_id)) END AS is_sampled
            FROM (SELECT *, row_number() OVER (PARTITION BY hour_at_us) AS number FROM full_hour) f)
),
to_read AS MATERIALIZED (
  SELECT part.from_us, asked.cgroup_id, asked.is_pod FROM part, asked WHERE NOT part.is_hour
   UNION ALL
  SELECT hour_at_us, cgroup_id, is_pod FROM full JOIN asked USING (cgroup_id) WHERE is_sampled
),
missed_in_part AS (  -- part by part: all samples at once would be sorted in memory
  SELECT json_extract(one.value, '$[0]') AS cgroup_id, json_extract(one.value, '$[1]') AS held_bytes,
         json_extract(one.value, '$[2]') AS limit_bytes, json_extract(one.value, '$[3]') AS at_us,
         json_extract(one.value, '$[4]') AS samples, json_extract(one.value, '$[5]') AS episodes,
         json_extract(one.value, '$[6]') AS first_at_us, json_extract(one.value, '$[7]') AS last_at_us,
         json_extract(one.value, '$[8]') AS by_peak,
         json_extract(one.value, '$[9]') AS near_us, json_extract(one.value, '$[10]') AS interval_us
    FROM part,
         json_each((
           WITH whole AS (
             SELECT m.pod_id AS cgroup_id, sc.started_at_us AS at_us, sc.interval_us,
                    sum(s.held_kib) * 1024 AS held_bytes, m.path
               FROM scan sc
              CROSS JOIN to_read r
              CROSS JOIN member m
              CROSS JOIN sample s
              WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
                AND r.from_us = part.from_us AND r.is_pod AND m.pod_id = r.cgroup_id
                AND s.scan_id = sc.scan_id AND s.cgroup_id = m.cgroup_id
              GROUP BY s.scan_id, m.pod_id
             HAVING max(m.cgroup_id = m.pod_id)  -- in a scan that has its remainder
           ),
           near AS (
             SELECT *
               FROM (SELECT cgroup_id, at_us, interval_us, held_bytes, 0 AS by_peak,
                            (SELECT l.effective_limit_bytes FROM cgroup_limit l
                              WHERE l.cgroup_id = whole.cgroup_id AND l.changed_at_us <= whole.at_us
                              ORDER BY l.changed_at_us DESC LIMIT 1) AS limit_bytes,
                            path AS pod_path
                       FROM whole)
              WHERE typeof(held_bytes) = 'integer' AND typeof(limit_bytes) = 'integer'
                AND held_bytes >= 0.95 * limit_bytes
              UNION ALL
             SELECT s.cgroup_id, sc.started_at_us AS at_us, sc.interval_us,
                    (s.held_kib + max(coalesce(s.peak_kib, s.usage_kib) - s.usage_kib, 0)) * 1024 AS held_bytes,
                    s.peak_kib > s.usage_kib AS by_peak,
                    (SELECT l.effective_limit_bytes FROM cgroup_limit l
                      WHERE l.cgroup_id = s.cgroup_id AND l.changed_at_us <= sc.started_at_us
                      ORDER BY l.changed_at_us DESC LIMIT 1) AS limit_bytes,
                    NULL
               FROM scan sc
              CROSS JOIN to_read r
              CROSS JOIN sample s
              WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
                AND r.from_us = part.from_us AND NOT r.is_pod
                AND s.scan_id = sc.scan_id AND s.cgroup_id = r.cgroup_id
                AND max(s.usage_kib, ifnull(s.peak_kib, 0)) * 1024 >= (SELECT 0.95 * min(limit_bytes) FROM lowest)
                AND typeof(held_bytes) = 'integer' AND typeof(limit_bytes) = 'integer'
                AND held_bytes >= 0.95 * limit_bytes
           ),
           missed AS (
             SELECT *, lag(at_us) OVER (PARTITION BY cgroup_id ORDER BY at_us) AS before_at_us,
                    min(at_us) OVER (PARTITION BY cgroup_id) AS first_at_us,
                    max(at_us) OVER (PARTITION BY cgroup_id) AS last_at_us
               FROM near
              WHERE NOT EXISTS (SELECT 1 FROM oom_kill o
                                 WHERE o.cgroup_id = near.cgroup_id
                                   AND o.killed_at_us BETWEEN near.at_us - 3900000000 AND near.at_us + 300000000
                                   AND coalesce(o.last_killed_at_us, o.killed_at_us) >= near.at_us - 300000000)
                AND (near.pod_path IS NULL
                     OR NOT EXISTS (SELECT 1 FROM oom_kill o
                                     WHERE o.limit_path = near.pod_path
                                       AND o.killed_at_us BETWEEN near.at_us - 3900000000 AND near.at_us + 300000000
                                       AND coalesce(o.last_killed_at_us, o.killed_at_us) >= near.at_us - 300000000))
           ),
           peak AS (  -- with one max(), SQLite takes the other columns from the same row
             SELECT cgroup_id, max(1.0 * held_bytes / limit_bytes), held_bytes, limit_bytes, at_us, by_peak,
                    count(*) AS samples, sum(before_at_us IS NULL OR at_us - before_at_us > 300000000) AS episodes,
                    first_at_us, last_at_us,
                    sum(iif(2 * (at_us - before_at_us) <= 3 * interval_us, at_us - before_at_us, 0)) AS near_us,
                    avg(interval_us) AS interval_us
               FROM missed
              GROUP BY cgroup_id
           )
           SELECT json_group_array(json_array(cgroup_id, held_bytes, limit_bytes, at_us, samples, episodes,
                                              first_at_us, last_at_us, by_peak, near_us, interval_us))
             FROM peak)) one
   WHERE part.from_us IN (SELECT from_us FROM to_read)
),
missed AS (
  SELECT *, lag(last_at_us) OVER (PARTITION BY cgroup_id ORDER BY first_at_us) AS before_at_us
    FROM missed_in_part
),
peak AS (
  SELECT cgroup_id, max(1.0 * held_bytes / limit_bytes) AS share, held_bytes, limit_bytes, at_us, by_peak,
         sum(samples) AS samples,
         sum(episodes) - sum(ifnull(first_at_us - before_at_us <= 300000000, 0)) AS episodes,
         nullif(sum(near_us) + sum(iif(2 * (first_at_us - before_at_us) <= 3 * interval_us,
                                       first_at_us - before_at_us, 0)), 0) AS near_us
    FROM missed
   GROUP BY cgroup_id
),
hour_missed AS (  -- where the samples are gone
  SELECT *, lag(hour_at_us) OVER (PARTITION BY cgroup_id ORDER BY hour_at_us) AS before_at_us
    FROM full
   WHERE NOT is_sampled AND NOT is_killed AND anon_bytes >= 0.95 * limit_bytes
),
hour_peak AS (
  SELECT cgroup_id, max(1.0 * anon_bytes / limit_bytes) AS share, anon_bytes, limit_bytes, hour_at_us AS at_us,
         sum(before_at_us IS NULL OR hour_at_us - before_at_us > 3600000000) AS episodes
    FROM hour_missed
   GROUP BY cgroup_id
),
measured AS (
  SELECT cgroup_id, share, held_bytes, limit_bytes, at_us, episodes, near_us, samples, 0 AS is_hour,
         iif(by_peak, 'peak between samples', 'sample') AS how
    FROM peak
   UNION ALL
  SELECT cgroup_id, share, anon_bytes, limit_bytes, at_us, episodes, NULL, NULL, 1, 'anonymous memory of an hour' FROM hour_peak
),
both AS (
  SELECT cgroup_id, max(share) AS share, held_bytes, limit_bytes, at_us, sum(episodes) AS episodes,
         iif(max(is_hour), NULL, sum(near_us)) AS near_us, sum(samples) AS samples, how,
         CASE WHEN NOT max(is_hour) THEN 'samples' WHEN min(is_hour) THEN 'hours' ELSE 'hours and samples' END AS measured
    FROM measured
   GROUP BY cgroup_id
),
not_known AS (
  SELECT count(DISTINCT cgroup_id) AS cgroups, max(hour_at_us) + 3600000000 AS at_us
    FROM full
   WHERE NOT is_sampled AND NOT is_killed
     AND ifnull(anon_bytes < 0.95 * limit_bytes, 1)
),
stuck_in_window AS (  -- with one max(), SQLite takes the other columns from the same row
  SELECT cgroup_id, max(ifnull(1.0 * usage_bytes / nullif(limit_bytes, 0), 0)), began_at_us, last_seen_at_us, kind,
         usage_bytes, limit_bytes, count(*) AS episodes, sum(last_seen_at_us - began_at_us) AS near_us
    FROM stuck
   WHERE began_at_us < :until_us AND coalesce(ended_at_us, last_seen_at_us) >= :since_us
     AND cgroup_id IN (SELECT cgroup_id FROM v_cgroup WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob
                                                         OR workload GLOB :cgroup_glob)
   GROUP BY cgroup_id
),
found AS (
  SELECT cgroup_id, 1 AS is_stuck, 1.0 * usage_bytes / nullif(limit_bytes, 0) AS share,
         usage_bytes AS bytes, limit_bytes,
         ifnull((SELECT sc.started_at_us FROM scan sc CROSS JOIN sample s
                  WHERE sc.started_at_us BETWEEN k.began_at_us AND k.last_seen_at_us
                    AND s.scan_id = sc.scan_id AND s.cgroup_id = k.cgroup_id AND s.usage_kib * 1024 >= k.usage_bytes
                  ORDER BY sc.started_at_us LIMIT 1), began_at_us) AS at_us,
         episodes, near_us, NULL AS samples,
         iif(kind = 'memory_high', 'throttled at memory.high', 'out of memory, OOM killer disabled') AS how,
         'samples' AS measured
    FROM stuck_in_window k
   UNION ALL
  SELECT cgroup_id, 0, share, held_bytes, limit_bytes, at_us, episodes, near_us, samples, how, measured FROM both
   WHERE cgroup_id NOT IN (SELECT cgroup_id FROM stuck_in_window)
)
SELECT cgroup_id, is_stuck, share, bytes, limit_bytes, at_us, episodes, near_us, samples, how, measured, NULL AS cgroups FROM found
 UNION ALL
SELECT NULL, -1, NULL, NULL, NULL, at_us, NULL, NULL, NULL, NULL, 'hours', cgroups FROM not_known WHERE cgroups > 0
