-- Scans for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table scan. Those after :after_scan_id, up to :to_scan_id.
SELECT :node AS node, :history_id AS history_id, t.scan_id, t.started_at_us, t.duration_us, t.cgroup_count, t.error_count,
       t.late_us, t.interval_us, t.is_partial, t.cpu_us
  FROM scan t
 WHERE t.scan_id > :after_scan_id AND t.scan_id <= :to_scan_id
 ORDER BY t.scan_id
