-- Biggest growth of single cgroups (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- How much each cgroup's usage rose from its first sample in the window to its last. Where the samples at an end are
-- gone, it is the average of the hour that covers them (part_lost.sql): `measured` says so. A cgroup that appeared in the
-- window is new since then, and what it held at its first sample is no growth. One that is gone by the last full scan is
-- left out.
-- Most important first: cgroup, grown_bytes, usage_after_bytes, anon_grown_bytes, measured
WITH
lost AS MATERIALIZED (SELECT * FROM (lost)),
scanned AS MATERIALIZED (  -- the last full scan of which samples are left
  SELECT scan_id, started_at_us FROM scan
   WHERE started_at_us >= :since_us AND started_at_us < :until_us AND is_partial IS NOT 1
     AND (cgroup_count = 0 OR EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = scan.scan_id))
   ORDER BY started_at_us DESC LIMIT 1
),
edge AS MATERIALIZED (
  SELECT (SELECT started_at_us FROM scanned) AS last_at_us,
         (SELECT hour_at_us FROM lost WHERE from_us > ifnull((SELECT started_at_us FROM scanned), from_us - 1)
           ORDER BY from_us DESC LIMIT 1) AS hour_at_us,
         (SELECT max(scan_id) FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us) AS last_id
),
-- With min() and max(), SQLite takes the other columns from the row that has it.
last AS MATERIALIZED (
  SELECT s.cgroup_id, max(sc.started_at_us) AS at_us, s.usage_kib, s.anon_kib, 0 AS is_hour
    FROM edge
   CROSS JOIN scan sc
   CROSS JOIN sample s
   WHERE edge.hour_at_us IS NULL AND sc.started_at_us >= edge.last_at_us AND sc.started_at_us < :until_us
     AND s.scan_id = sc.scan_id AND s.usage_kib IS NOT NULL
   GROUP BY s.cgroup_id
   UNION ALL
  SELECT h.cgroup_id, h.hour_at_us, h.usage_avg_kib, h.anon_avg_kib, 1
    FROM edge
   CROSS JOIN sample_hour h
    JOIN cgroup c USING (cgroup_id)
   WHERE h.hour_at_us = edge.hour_at_us AND h.usage_avg_kib IS NOT NULL
     AND (c.vanished_at_us IS NULL OR c.vanished_at_us >= min(h.hour_at_us + 3600000000, :until_us)
          OR c.last_seen_at_us >= (SELECT started_at_us FROM scan
                                    WHERE started_at_us < min(h.hour_at_us + 3600000000, :until_us) AND is_partial IS NOT 1
                                    ORDER BY started_at_us DESC LIMIT 1))
),
first_scan AS MATERIALIZED (  -- sought from the scan on in which the cgroup was first seen
  SELECT last.cgroup_id,
         (SELECT s.scan_id FROM edge CROSS JOIN sample s
           WHERE s.scan_id >= (SELECT scan_id FROM scan
                                WHERE started_at_us >= max(:since_us, min(c.first_seen_at_us, last.at_us))
                                ORDER BY started_at_us LIMIT 1)
             AND s.scan_id <= edge.last_id AND s.cgroup_id = last.cgroup_id AND s.usage_kib IS NOT NULL
           ORDER BY s.scan_id LIMIT 1) AS scan_id
    FROM last JOIN cgroup c USING (cgroup_id)
),
first_sample AS MATERIALIZED (
  SELECT f.cgroup_id, sc.started_at_us AS at_us, s.usage_kib, s.anon_kib
    FROM first_scan f
   CROSS JOIN scan sc
   CROSS JOIN sample s
   WHERE sc.scan_id = f.scan_id AND s.scan_id = f.scan_id AND s.cgroup_id = f.cgroup_id
),
first_hour AS MATERIALIZED (  -- of which samples before that one are gone
  SELECT last.cgroup_id,
         (SELECT h.hour_at_us FROM sample_hour h
           WHERE h.hour_at_us >= max(:since_us, min(c.first_seen_at_us, last.at_us)) / 3600000000 * 3600000000
             AND h.hour_at_us BETWEEN (SELECT min(hour_at_us) FROM lost) AND (SELECT max(hour_at_us) FROM lost)
             AND h.hour_at_us < :until_us AND h.cgroup_id = last.cgroup_id AND h.usage_avg_kib IS NOT NULL
             AND EXISTS (SELECT 1 FROM lost
                          WHERE lost.hour_at_us = h.hour_at_us AND lost.to_us > c.first_seen_at_us
                            AND lost.from_us < ifnull(s.at_us, lost.to_us))
           ORDER BY h.hour_at_us LIMIT 1) AS at_us
    FROM last
    JOIN cgroup c USING (cgroup_id)
    LEFT JOIN first_sample s USING (cgroup_id)
),
before AS (
  SELECT cgroup_id, min(at_us) AS at_us, usage_kib, anon_kib, is_hour
    FROM (SELECT cgroup_id, at_us, usage_kib, anon_kib, 0 AS is_hour FROM first_sample
           UNION ALL
          SELECT h.cgroup_id, h.hour_at_us, h.usage_avg_kib, h.anon_avg_kib, 1
            FROM first_hour f
            JOIN sample_hour h ON h.hour_at_us = f.at_us AND h.cgroup_id = f.cgroup_id)
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
       CASE WHEN last.is_hour AND before.is_hour THEN 'averages of hours'
            WHEN last.is_hour THEN 'to the average of an hour'
            WHEN before.is_hour THEN 'from the average of an hour'
            ELSE 'samples' END AS measured,
       c.path
  FROM last
  JOIN before USING (cgroup_id)
  JOIN cgroup seen USING (cgroup_id)
  JOIN v_cgroup c USING (cgroup_id)
 WHERE before.at_us < last.at_us + iif(last.is_hour AND NOT before.is_hour, 3600000000, 0) AND last.usage_kib > before.usage_kib
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 ORDER BY grown_bytes DESC, c.path
 LIMIT 20;
