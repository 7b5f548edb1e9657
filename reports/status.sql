-- The service as its history shows it
-- SPDX-License-Identifier: Apache-2.0
-- One row. `status` adds whether the service is running now. near_limit_count: cgroups that are sampled every
-- second between two scans. The sampler's CPU time is for the last hour of scans, with near-limit sampling.
WITH open_fault AS  -- begun and not ended since the last start
  (SELECT f.fault, f.detail, max(f.service_event_id) FROM service_event f
    WHERE f.kind = 'fault_begin'
      AND f.service_event_id > (SELECT max(service_event_id) FROM service_event WHERE kind = 'start')
      AND NOT EXISTS (SELECT 1 FROM service_event e
                       WHERE e.kind = 'fault_end' AND e.service_event_id > f.service_event_id
                         AND (e.fault = f.fault OR e.fault IS NULL OR f.fault IS NULL))
    GROUP BY f.fault)
SELECT (SELECT value FROM node WHERE key = 'version') AS version,
       (SELECT value FROM node WHERE key = 'node') AS node,
       (SELECT value FROM node WHERE key = 'kernel') AS kernel,
       (SELECT value FROM node WHERE key = 'hierarchy') AS hierarchy,
       (SELECT value FROM node WHERE key = 'parent') AS parent,
       coalesce(last.interval_us, (SELECT value FROM node WHERE key = 'interval_us')) AS interval_us,
       (SELECT max(at_us) FROM service_event WHERE kind = 'start') AS started_at_us,
       last.started_at_us AS last_scan_at_us,
       last.duration_us AS last_scan_duration_us,
       last.late_us AS last_scan_late_us,
       last.cgroup_count,
       last.error_count,
       (SELECT count(*) FROM scan WHERE is_partial IS NOT 1) AS scan_count,
       (SELECT CASE WHEN started_at_us >= (SELECT max(started_at_us) FROM scan) - 3000000 THEN cgroup_count ELSE 0 END
          FROM scan WHERE is_partial = 1 ORDER BY scan_id DESC LIMIT 1) AS near_limit_count,
       recent.partial_scan_count AS partial_scans_last_hour_count,
       recent.partial_cpu_us AS partial_scans_last_hour_cpu_us,
       recent.sampler_cpu_pct,
       (SELECT count(*) FROM cgroup) AS cgroups_ever_count,
       (SELECT count(*) FROM reclaim WHERE outcome <> 'dry_run') AS reclaim_count,
       (SELECT max(started_at_us) FROM reclaim WHERE outcome <> 'dry_run') AS last_reclaim_at_us,
       (SELECT count(*) FROM cooldown WHERE until_us > :until_us) AS in_cooldown_count,
       (SELECT CAST(total(kill_count) AS INTEGER) FROM oom_kill) AS oom_kill_count,
       (SELECT group_concat(detail, '; ') FROM open_fault) AS fault,
       (SELECT group_concat(coalesce(fault, 'unnamed'), ', ') FROM open_fault) AS faults
  FROM (SELECT 1) AS one_row
  LEFT JOIN (SELECT * FROM scan WHERE is_partial IS NOT 1 ORDER BY started_at_us DESC LIMIT 1) AS last ON 1
  LEFT JOIN (SELECT count(*) FILTER (WHERE is_partial = 1) AS partial_scan_count,
                    coalesce(sum(cpu_us) FILTER (WHERE is_partial = 1), 0) AS partial_cpu_us,
                    100.0 * sum(cpu_us) / nullif(max(started_at_us) - min(started_at_us), 0) AS sampler_cpu_pct
               FROM scan WHERE started_at_us > (SELECT max(started_at_us) FROM scan) - 3600000000) AS recent ON 1;
