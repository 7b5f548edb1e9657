-- Near misses: episodes within 5 % of the limit, five minutes or more apart; or stuck (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- Cgroups that came within 5 % of their limit with memory that can't be dropped (usage less page cache and
-- slab that can be dropped), and had no kill in the five minutes before or after. The limit is the effective
-- one at that time. `how`: in a sample; or at the kernel's peak between two samples, less what could be
-- dropped in the second. First those that were stuck instead of killed: throttled at memory.high, their
-- limit here, or standing still because their OOM killer is disabled. `episodes`: those samples that
-- are less than five minutes apart are one episode. `near_us`: how long it was near the limit, summed up from one
-- such sample to the next, where they are at most one and a half scan intervals apart. NULL: no two are, so it
-- is not known. Of a pod all that it holds counts, with its containers. Reads every sample in the window: a week
-- of a large node takes a while.
-- Most important first: cgroup, peak_pct, peak_at_us, episodes, limit_bytes, how
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
member AS MATERIALIZED (  -- of pods
  SELECT p.cgroup_id AS pod_id, p.cgroup_id, p.path
    FROM v_cgroup p
   WHERE p.kind = 'pod' AND (p.path GLOB :cgroup_glob OR p.name GLOB :cgroup_glob OR p.workload GLOB :cgroup_glob)
   UNION ALL
  SELECT p.cgroup_id, c.cgroup_id, p.path
    FROM cgroup c
    JOIN v_cgroup p ON p.path = rtrim(rtrim(c.path, replace(c.path, '/', '')), '/')
   WHERE c.kind = 'container' AND p.kind = 'pod' AND (p.path GLOB :cgroup_glob OR p.name GLOB :cgroup_glob
                                                      OR p.workload GLOB :cgroup_glob)
),
missed_in_part AS (
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
              CROSS JOIN sample s
              CROSS JOIN member m
              WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
                AND s.scan_id = sc.scan_id AND m.cgroup_id = s.cgroup_id
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
               JOIN sample s ON s.scan_id = sc.scan_id
              WHERE sc.started_at_us >= part.from_us AND sc.started_at_us < part.to_us
                AND +s.cgroup_id IN (SELECT cgroup_id FROM v_cgroup  -- by the key, scan by scan
                                      WHERE kind IS NOT 'pod' AND (path GLOB :cgroup_glob OR name GLOB :cgroup_glob
                                                            OR workload GLOB :cgroup_glob))
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
stuck_in_window AS (
  SELECT cgroup_id, max(began_at_us) AS at_us, kind, usage_bytes, limit_bytes, count(*) AS episodes,
         sum(coalesce(ended_at_us, last_seen_at_us) - began_at_us) AS near_us
    FROM stuck
   WHERE began_at_us < :until_us AND coalesce(ended_at_us, last_seen_at_us) >= :since_us
     AND cgroup_id IN (SELECT cgroup_id FROM v_cgroup WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob
                                                         OR workload GLOB :cgroup_glob)
   GROUP BY cgroup_id, kind
),
found AS (
  SELECT cgroup_id, 1 AS is_stuck, 1.0 * usage_bytes / nullif(limit_bytes, 0) AS share,
         usage_bytes AS bytes, limit_bytes, at_us, episodes, near_us, NULL AS samples,
         iif(kind = 'memory_high', 'throttled at memory.high', 'out of memory, OOM killer disabled') AS how
    FROM stuck_in_window
   UNION ALL
  SELECT cgroup_id, 0, share, held_bytes, limit_bytes, at_us, episodes, near_us, samples,
         iif(by_peak, 'peak between samples', 'sample')
    FROM peak
)
SELECT c.name AS cgroup,
       100.0 * found.share AS peak_pct,
       found.bytes AS peak_bytes,
       found.limit_bytes,
       found.at_us AS peak_at_us,
       found.episodes,
       found.near_us,
       found.samples,
       c.path,
       found.how
  FROM found
  JOIN v_cgroup c USING (cgroup_id)
 ORDER BY found.is_stuck DESC, found.share DESC, found.at_us, c.path
 LIMIT 20;
