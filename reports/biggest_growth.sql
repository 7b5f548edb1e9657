-- Biggest growth of single cgroups (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- How much each cgroup's usage rose from its first sample in the window to its last. Where its first samples are gone,
-- it is from the average of its first whole hour in the window; where its last ones are gone too, to the average of
-- the last hour: `measured` says so. A cgroup that appeared in the window is new since then, and what it held at its
-- first sample is no growth. One that is gone by the last full scan is left out.
-- Most important first: cgroup, grown_bytes, usage_after_bytes, anon_grown_bytes, measured
WITH edge AS (
  SELECT started_at_us AS last_at_us FROM scan
   WHERE started_at_us >= :since_us AND started_at_us < :until_us AND is_partial IS NOT 1
   ORDER BY started_at_us DESC LIMIT 1
),
hour AS NOT MATERIALIZED (  -- the whole hours in the window
  SELECT cgroup_id, hour_at_us AS at_us, usage_avg_kib AS usage_kib, anon_avg_kib AS anon_kib
    FROM sample_hour
   WHERE hour_at_us >= :since_us AND hour_at_us <= :until_us - 3600000000 AND usage_avg_kib IS NOT NULL
),
-- With min() and max(), SQLite takes the other columns from the row that has it.
newest AS MATERIALIZED (
  SELECT s.cgroup_id, max(sc.started_at_us) AS at_us, s.usage_kib, s.anon_kib, 0 AS is_hour
    FROM edge
   CROSS JOIN scan sc
   CROSS JOIN sample s
   WHERE sc.started_at_us >= edge.last_at_us AND sc.started_at_us < :until_us
     AND s.scan_id = sc.scan_id AND s.usage_kib IS NOT NULL
   GROUP BY s.cgroup_id
),
last AS MATERIALIZED (
  SELECT * FROM newest
   UNION ALL
  SELECT cgroup_id, at_us, usage_kib, anon_kib, 1 FROM hour
   WHERE at_us = (SELECT at_us FROM hour ORDER BY at_us DESC LIMIT 1) AND NOT EXISTS (SELECT 1 FROM newest)
),
first_sample AS MATERIALIZED (  -- sought from the scan on in which the cgroup was first seen
  SELECT last.cgroup_id,
         (SELECT s.scan_id FROM sample s
           WHERE s.scan_id >= (SELECT scan_id FROM scan
                                WHERE started_at_us >= max(:since_us, min(c.first_seen_at_us, last.at_us))
                                ORDER BY started_at_us LIMIT 1)
             AND s.cgroup_id = last.cgroup_id AND s.usage_kib IS NOT NULL
           ORDER BY s.scan_id LIMIT 1) AS scan_id
    FROM last JOIN cgroup c USING (cgroup_id)
   WHERE NOT last.is_hour
),
first_hour AS MATERIALIZED (  -- in the same way
  SELECT last.cgroup_id,
         (SELECT h.hour_at_us FROM sample_hour h
           WHERE h.hour_at_us >= max(:since_us, min(c.first_seen_at_us, last.at_us) / 3600000000 * 3600000000)
             AND h.hour_at_us <= :until_us - 3600000000
             AND h.cgroup_id = last.cgroup_id AND h.usage_avg_kib IS NOT NULL
           ORDER BY h.hour_at_us LIMIT 1) AS at_us
    FROM last JOIN cgroup c USING (cgroup_id)
),
first AS (
  SELECT s.cgroup_id, sc.started_at_us AS at_us, s.usage_kib, s.anon_kib, 0 AS is_hour
    FROM first_sample f
   CROSS JOIN scan sc
   CROSS JOIN sample s
   WHERE sc.scan_id = f.scan_id AND s.scan_id = f.scan_id AND s.cgroup_id = f.cgroup_id
   UNION ALL
  SELECT h.cgroup_id, h.hour_at_us, h.usage_avg_kib, h.anon_avg_kib, 1
    FROM first_hour f
    JOIN sample_hour h ON h.hour_at_us = f.at_us AND h.cgroup_id = f.cgroup_id
),
before AS (  -- an hour only if it ended before the first sample, or with it
  SELECT cgroup_id, min(at_us + is_hour * 3599999999) AS known_at_us, at_us, usage_kib, anon_kib, is_hour
    FROM first
   GROUP BY cgroup_id
)
SELECT c.name AS cgroup,
       (last.usage_kib - before.usage_kib) * 1024 AS grown_bytes,
       before.usage_kib * 1024 AS usage_before_bytes,
       last.usage_kib * 1024 AS usage_after_bytes,
       (last.anon_kib - before.anon_kib) * 1024 AS anon_grown_bytes,
       CASE WHEN seen.first_seen_at_us > max(:since_us, (SELECT min(started_at_us) FROM scan))
            THEN seen.first_seen_at_us END AS new_since_us,
       before.at_us AS before_at_us,
       CASE WHEN last.is_hour THEN 'averages of hours'
            WHEN before.is_hour THEN 'from the average of an hour'
            ELSE 'samples' END AS measured,
       c.path
  FROM last
  JOIN before USING (cgroup_id)
  JOIN cgroup seen USING (cgroup_id)
  JOIN v_cgroup c USING (cgroup_id)
 WHERE before.at_us < last.at_us AND last.usage_kib > before.usage_kib
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 ORDER BY grown_bytes DESC, c.path
 LIMIT 20;
