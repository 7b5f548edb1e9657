-- The next hour to send, by its scans
-- SPDX-License-Identifier: Apache-2.0
-- The hour of the first scan after :after, up to :end, and the last of its scans. So an hour that is summed up again after the clock
-- was set back is sent again. No row: there is none.
SELECT f.hour_at_us,
       min(:end, coalesce((SELECT s.scan_id - 1 FROM scan s WHERE s.scan_id > f.scan_id
                              AND (s.started_at_us < f.hour_at_us OR s.started_at_us >= f.hour_at_us + 3600000000)
                            ORDER BY s.scan_id LIMIT 1), :end)) AS reaches
  FROM (SELECT scan_id, started_at_us - started_at_us % 3600000000 AS hour_at_us
          FROM scan WHERE scan_id > :after AND scan_id <= :end ORDER BY scan_id LIMIT 1) f
