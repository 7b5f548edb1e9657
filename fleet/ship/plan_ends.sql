-- How far the history reaches
-- SPDX-License-Identifier: Apache-2.0
-- 0 where there is none. rolled_up_scan_id: the last scan whose hour is whole.
SELECT (SELECT value FROM node WHERE key = 'history_id') AS history_id,
       (SELECT coalesce(max(revision), 0) FROM change) AS revision,
       (SELECT coalesce(max(scan_id), 0) FROM scan) AS scan_id,
       (SELECT coalesce(max(scan_id), 0) FROM rolled_up) AS rolled_up_scan_id,
       (SELECT coalesce(max(hour_at_us), 0) FROM sample_hour) AS hour_at_us
