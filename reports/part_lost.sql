-- Where samples are gone and an hour answers
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of lost in brackets. The parts of hours in sample_hour in which no
-- sample is left. An hour has lost samples if its averages are of more scans than have samples left in it. Samples can be left
-- in a part of an hour: they stay around an OOM kill. A part is longer than five minutes, and than three intervals.
--
--   hour_at_us      the hour that answers
--   from_us, to_us  the part of it without samples: all of it, or a part before, between or after samples. It overlaps the
--                   window by more than five minutes, or is all of the window
WITH RECURSIVE
each (hour_at_us) AS (  -- sought one after the other: an hour has many rows
  SELECT min(hour_at_us) FROM sample_hour WHERE hour_at_us > :since_us - 3600000000
   UNION ALL
  SELECT (SELECT min(h.hour_at_us) FROM sample_hour h WHERE h.hour_at_us > each.hour_at_us)
    FROM each WHERE hour_at_us < :until_us
),
slot (from_us) AS (  -- of two and a half minutes, in an hour
  SELECT 0 UNION ALL SELECT from_us + 150000000 FROM slot WHERE from_us < 3450000000
),
counted AS MATERIALIZED (  -- else SQLite counts anew for each condition
  SELECT hour_at_us,
         -- 0: `sample` has no ids between those of its scans. NULL: each slot has a scan with samples, so no part
         -- without samples is long enough. Both are found faster than the samples of each scan.
         CASE WHEN NOT EXISTS (SELECT 1
                                 FROM (SELECT min(scan_id) AS first_id, max(scan_id) AS last_id FROM scan
                                        WHERE started_at_us >= each.hour_at_us AND started_at_us < each.hour_at_us + 3600000000)
                                CROSS JOIN sample s
                                WHERE s.scan_id BETWEEN first_id AND last_id) THEN 0
              WHEN EXISTS (SELECT 1 FROM slot
                            WHERE NOT EXISTS (SELECT 1 FROM scan sc
                                               WHERE sc.started_at_us >= each.hour_at_us + slot.from_us
                                                 AND sc.started_at_us < each.hour_at_us + slot.from_us + 150000000
                                                 AND sc.is_partial IS NOT 1
                                                 AND EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = sc.scan_id)))
              THEN (SELECT count(*) FROM scan sc
                     WHERE sc.started_at_us >= each.hour_at_us AND sc.started_at_us < each.hour_at_us + 3600000000
                       AND sc.is_partial IS NOT 1
                       AND EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = sc.scan_id))
              END AS left_count
    FROM each
   WHERE hour_at_us < :until_us
),
hour AS MATERIALIZED (
  SELECT *
    FROM counted
   WHERE left_count = 0
      OR left_count < (SELECT max(sample_count) FROM sample_hour h WHERE h.hour_at_us = counted.hour_at_us)
),
bound AS (
  SELECT hour_at_us, hour_at_us AS at_us, 0 AS interval_us FROM hour
   UNION ALL
  SELECT hour_at_us, hour_at_us + 3600000000, 0 FROM hour
   UNION ALL
  SELECT hour_at_us, sc.started_at_us, sc.interval_us
    FROM hour
   CROSS JOIN scan sc
   WHERE left_count > 0
     AND sc.started_at_us >= hour_at_us AND sc.started_at_us < hour_at_us + 3600000000
     AND sc.is_partial IS NOT 1
     AND EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = sc.scan_id)
),
part AS (
  SELECT hour_at_us, at_us + interval_us AS from_us, lead(at_us) OVER next AS to_us,
         max(300000000, 3 * interval_us, 3 * lead(interval_us) OVER next) AS least_us
    FROM bound
  WINDOW next AS (PARTITION BY hour_at_us ORDER BY at_us)
)
SELECT hour_at_us, from_us, to_us
  FROM part
 WHERE to_us - from_us > least_us
   AND (min(to_us, :until_us) - max(from_us, :since_us) > 300000000 OR (from_us <= :since_us AND to_us >= :until_us))
