-- Hours in which samples are left
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of sampled_hour in brackets. The hours that overlap the window, and the
-- hour before it, as far as one of their scans may have samples: `sample` has some with an id between the lowest and the
-- highest of the hour's scans. To look once an hour is much faster than to look for the samples of each scan.
WITH RECURSIVE
hour (hour_at_us) AS (  -- NULL at the end
  SELECT (SELECT started_at_us / 3600000000 * 3600000000 FROM scan
           WHERE started_at_us > :since_us - 3600000000 ORDER BY started_at_us LIMIT 1)
   UNION ALL
  SELECT (SELECT started_at_us / 3600000000 * 3600000000 FROM scan
           WHERE started_at_us >= hour.hour_at_us + 3600000000 ORDER BY started_at_us LIMIT 1)
    FROM hour
   WHERE hour_at_us < :until_us
)
SELECT hour_at_us
  FROM hour
 WHERE EXISTS (SELECT 1
                 FROM (SELECT min(scan_id) AS first_id, max(scan_id) AS last_id FROM scan
                        WHERE started_at_us >= hour.hour_at_us AND started_at_us < hour.hour_at_us + 3600000000)
                CROSS JOIN sample s
                WHERE s.scan_id BETWEEN first_id AND last_id)
