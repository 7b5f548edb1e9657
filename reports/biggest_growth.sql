-- Biggest growth (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- How much each cgroup's usage rose from the first full scan in the window to the last one. A cgroup that
-- appeared in between grew from 0; one that is gone by the last scan is left out. Reads two scans.
WITH edge AS (
  SELECT (SELECT scan_id FROM scan
           WHERE started_at_us >= :since_us AND started_at_us < :until_us AND is_partial IS NOT 1
           ORDER BY started_at_us LIMIT 1) AS first_scan_id,
         (SELECT scan_id FROM scan
           WHERE started_at_us >= :since_us AND started_at_us < :until_us AND is_partial IS NOT 1
           ORDER BY started_at_us DESC LIMIT 1) AS last_scan_id
)
SELECT c.name AS cgroup,
       (last.usage_kib - coalesce(first.usage_kib, 0)) * 1024 AS grown_bytes,
       first.usage_kib * 1024 AS usage_before_bytes,
       last.usage_kib * 1024 AS usage_after_bytes,
       (last.anon_kib - coalesce(first.anon_kib, 0)) * 1024 AS anon_grown_bytes,
       c.path
  FROM edge
 CROSS JOIN sample last
  LEFT JOIN sample first ON first.scan_id = edge.first_scan_id AND first.cgroup_id = last.cgroup_id
  JOIN v_cgroup c ON c.cgroup_id = last.cgroup_id
 WHERE last.scan_id = edge.last_scan_id AND edge.first_scan_id <> edge.last_scan_id
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob)
   AND last.usage_kib > coalesce(first.usage_kib, 0)
 ORDER BY grown_bytes DESC, c.path
 LIMIT 20;
