-- What is on record of the window
-- SPDX-License-Identifier: Apache-2.0
-- For the sentence below a table without rows (src/report/why_none): the window and one row of facts. Scans are full ones.
--
--   begins_at_us                  when the history begins: its first scan or hour
--   before_at_us, after_at_us     the last scan before the window, the first one after it
--   has_scans, has_samples        1: some in the window
--   first_hour_us, last_hour_us   of the hours in sample_hour that overlap the window: when they begin
--   first_whole_us, last_whole_us of the hours that are whole in it
--   has_hour_before               1: the hour before first_hour_us is in sample_hour, too
--   has_hour_after                1: the hour after last_hour_us
WITH
scans AS MATERIALIZED (
  SELECT (SELECT started_at_us FROM scan WHERE is_partial IS NOT 1 ORDER BY started_at_us LIMIT 1) AS first_at_us,
         (SELECT started_at_us FROM scan WHERE started_at_us < :since_us AND is_partial IS NOT 1
           ORDER BY started_at_us DESC LIMIT 1) AS before_at_us,
         (SELECT started_at_us FROM scan WHERE started_at_us >= :until_us AND is_partial IS NOT 1
           ORDER BY started_at_us LIMIT 1) AS after_at_us,
         (SELECT scan_id FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us
           ORDER BY started_at_us LIMIT 1) AS first_id,
         (SELECT scan_id FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us
           ORDER BY started_at_us DESC LIMIT 1) AS last_id
),
hours AS MATERIALIZED (
  SELECT (SELECT min(hour_at_us) FROM sample_hour) AS begins_at_us,
         (SELECT min(hour_at_us) FROM sample_hour
           WHERE hour_at_us > :since_us - 3600000000 AND hour_at_us < :until_us) AS first_hour_us,
         (SELECT max(hour_at_us) FROM sample_hour
           WHERE hour_at_us > :since_us - 3600000000 AND hour_at_us < :until_us) AS last_hour_us,
         (SELECT min(hour_at_us) FROM sample_hour
           WHERE hour_at_us >= :since_us AND hour_at_us <= :until_us - 3600000000) AS first_whole_us,
         (SELECT max(hour_at_us) FROM sample_hour
           WHERE hour_at_us >= :since_us AND hour_at_us <= :until_us - 3600000000) AS last_whole_us
)
SELECT :since_us AS since_us, :until_us AS until_us,
       min(ifnull(first_at_us, begins_at_us), ifnull(begins_at_us, first_at_us)) AS begins_at_us,
       before_at_us, after_at_us,
       first_id IS NOT NULL AS has_scans,
       EXISTS (SELECT 1 FROM sample WHERE scan_id BETWEEN first_id AND last_id) AS has_samples,
       first_hour_us, last_hour_us, first_whole_us, last_whole_us,
       EXISTS (SELECT 1 FROM sample_hour WHERE hour_at_us = first_hour_us - 3600000000) AS has_hour_before,
       EXISTS (SELECT 1 FROM sample_hour WHERE hour_at_us = last_hour_us + 3600000000) AS has_hour_after
  FROM scans, hours;
