-- The next scans to send with their samples
-- SPDX-License-Identifier: Apache-2.0
-- Those after :after, up to :end, with :rows rows together or as many more as the last scan has. NULL: there are none.
WITH RECURSIVE batch (scan_id, row_count, next_scan_id) AS (
  SELECT :after, 0, (SELECT scan_id FROM scan WHERE scan_id > :after AND scan_id <= :end ORDER BY scan_id LIMIT 1)
  UNION ALL
  SELECT b.next_scan_id, b.row_count + 1 + (SELECT count(*) FROM sample s WHERE s.scan_id = b.next_scan_id),
         (SELECT s.scan_id FROM scan s WHERE s.scan_id > b.next_scan_id AND s.scan_id <= :end ORDER BY s.scan_id LIMIT 1)
    FROM batch b
   WHERE b.row_count < :rows AND b.next_scan_id IS NOT NULL
)
SELECT nullif(max(scan_id), :after) AS reaches FROM batch
