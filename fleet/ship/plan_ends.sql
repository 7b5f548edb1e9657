-- How far the history reaches
-- SPDX-License-Identifier: Apache-2.0
-- 0 where there is none. rolled_up_scan_id: the last scan whose hour is whole. last_revision: that was ever used. sent_at_us: when scan
-- :sent_scan_id began; NULL: there is none.
SELECT (SELECT value FROM node WHERE key = 'history_id') AS history_id,
       (SELECT coalesce(max(revision), 0) FROM change) AS revision,
       (SELECT coalesce(max(scan_id), 0) FROM scan) AS scan_id,
       (SELECT coalesce(max(scan_id), 0) FROM rolled_up) AS rolled_up_scan_id,
       (SELECT coalesce(max(hour_at_us), 0) FROM sample_hour) AS hour_at_us,
       coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change'), 0) AS last_revision,
       coalesce((SELECT started_at_us FROM scan ORDER BY scan_id DESC LIMIT 1), 0) AS newest_scan_at_us,
       (SELECT started_at_us FROM scan WHERE scan_id = :sent_scan_id) AS sent_at_us
