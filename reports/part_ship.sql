-- What `ship` has not sent yet
-- SPDX-License-Identifier: Apache-2.0
-- For `status`. :changes and :scan_id: how far `ship` has come, by its state. scans: by their numbers; of those that retention took
-- meanwhile, too.
SELECT (SELECT value FROM node WHERE key = 'history_id') AS history_id,
       (SELECT count(*) FROM change WHERE revision > :changes) AS changes,
       max((SELECT coalesce(max(scan_id), 0) FROM scan) - :scan_id, 0) AS scans,
       (SELECT started_at_us FROM scan WHERE scan_id > :scan_id ORDER BY scan_id LIMIT 1) AS scans_from_at_us;
