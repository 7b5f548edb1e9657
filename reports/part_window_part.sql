-- The window in parts, each with what measures it
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of window_part in brackets. Samples are kept for some days, hours
-- for a year (sample_hour). So that nothing is counted twice, each part is measured by one of the two:
--
--   from_us, to_us  one part after the other, from the begin of the window to its end
--   is_hour         1: a whole hour that is in sample_hour. 0: half an hour at most, measured by its samples, if there are
--                   any left: a query that sorted the samples of all parts at once would take too much memory
--
-- Not part_measured.sql: that takes each sample that is left, for charts; sums are faster from hours.
-- An hour is in sample_hour when all of it is rolled up: every scan of that time, or of an earlier one.
WITH RECURSIVE
known AS MATERIALIZED (
  SELECT (SELECT min(hour_at_us) FROM sample_hour) AS first_hour_us,
         (SELECT max(hour_at_us) FROM sample_hour) AS last_hour_us,
         (SELECT min(started_at_us) FROM scan) AS first_scan_us,
         (SELECT max(started_at_us) FROM scan) AS last_scan_us,
         -- The + before it: SQLite finds these scans by their id then, and does not look through all in order of time.
         ifnull((SELECT min(+started_at_us) FROM scan WHERE scan_id > ifnull((SELECT scan_id FROM rolled_up), 0)),
                9223372036854775807) AS not_rolled_up_us
),
bounds AS MATERIALIZED (
  SELECT max(:since_us, min(ifnull(first_hour_us, first_scan_us), ifnull(first_scan_us, first_hour_us))) AS begin_us,
         min(:until_us, max(ifnull(last_hour_us + 3600000000, 0), ifnull(last_scan_us + 1, 0))) AS end_us
    FROM known
),
hour (from_us, to_us) AS (
  SELECT begin_us, min((begin_us / 3600000000 + 1) * 3600000000, end_us) FROM bounds WHERE begin_us < end_us
   UNION ALL
  SELECT to_us, min(to_us + 3600000000, end_us) FROM hour, bounds WHERE to_us < end_us
),
measured AS (
  SELECT from_us, to_us, from_us / 3600000000 * 3600000000 + 1800000000 AS half_us,
         to_us - from_us = 3600000000 AND to_us <= not_rolled_up_us
           AND EXISTS (SELECT 1 FROM sample_hour h WHERE h.hour_at_us = from_us) AS is_hour
    FROM hour, known
)
SELECT from_us, iif(is_hour OR from_us >= half_us, to_us, min(half_us, to_us)) AS to_us, is_hour FROM measured
 UNION ALL
SELECT half_us, to_us, 0 FROM measured WHERE NOT is_hour AND from_us < half_us AND half_us < to_us
