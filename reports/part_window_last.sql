-- What each cgroup held at the end of the window
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of window_last in brackets. The samples of the last full scan of the
-- window. Where they are gone, the averages of the last whole hour in it, of the cgroups that were still there in its last
-- full scan: `measured` is 'hours' then, at_us is when the hour began, and scan_id is NULL.
WITH
scanned AS MATERIALIZED (
  SELECT scan_id, started_at_us, cgroup_count,
         EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = scan.scan_id) AS has_samples
    FROM scan
   WHERE started_at_us >= :since_us AND started_at_us < :until_us AND is_partial IS NOT 1
   ORDER BY started_at_us DESC LIMIT 1
),
hour AS MATERIALIZED (
  SELECT hour_at_us,
         (SELECT started_at_us FROM scan
           WHERE started_at_us >= hour_at_us AND started_at_us < hour_at_us + 3600000000 AND is_partial IS NOT 1
           ORDER BY started_at_us DESC LIMIT 1) AS last_scan_us
    FROM (SELECT max(hour_at_us) AS hour_at_us FROM sample_hour
           WHERE hour_at_us >= :since_us AND hour_at_us <= :until_us - 3600000000)
   WHERE NOT EXISTS (SELECT 1 FROM scanned WHERE has_samples OR cgroup_count = 0)
)
SELECT s.cgroup_id, scanned.started_at_us AS at_us, s.usage_kib, s.anon_kib, s.shmem_kib, s.reclaimable_cache_kib,
       s.inactive_file_kib, s.active_file_kib, s.held_kib, scanned.scan_id, 'samples' AS measured
  FROM scanned
 CROSS JOIN sample s
 WHERE s.scan_id = scanned.scan_id
 UNION ALL
SELECT cgroup_id, hour_at_us, usage_avg_kib, anon_avg_kib, shmem_avg_kib, cache_kib, inactive_file_avg_kib, active_file_avg_kib,
       max(usage_avg_kib - coalesce(cache_kib, 0) - coalesce(slab_reclaimable_avg_kib, 0), 0), NULL, 'hours'
  FROM (SELECT h.*,
               CASE WHEN h.shmem_avg_kib IS NOT NULL THEN max(h.file_avg_kib - h.shmem_avg_kib, 0)
                    ELSE coalesce(min(h.file_avg_kib, h.inactive_file_avg_kib + h.active_file_avg_kib), h.file_avg_kib) END
                 AS cache_kib
          FROM hour
         CROSS JOIN sample_hour h
          JOIN cgroup c USING (cgroup_id)
         WHERE h.hour_at_us = hour.hour_at_us
           AND (c.vanished_at_us IS NULL OR c.vanished_at_us >= h.hour_at_us + 3600000000 OR c.last_seen_at_us >= last_scan_us))
