-- The service as its history shows it
-- SPDX-License-Identifier: Apache-2.0
-- One row. `status` adds whether the service is running now. near_limit_count: cgroups that are sampled every
-- second between two scans. The sampler's CPU time is for the last hour of scans, with near-limit sampling.
-- samples_from: from then on no sample is gone; those around OOM kills before it are left out. Samples and hours a day:
-- of the newest 24 hours, and of what there is of them if it is an hour or more. NULL: not known yet.
-- config_read: when the service has read its configuration last.
WITH RECURSIVE
kept (at_us) AS (  -- from the first sample on: where it is one around an OOM kill, from the first after that
  SELECT started_at_us FROM scan WHERE scan_id = (SELECT min(scan_id) FROM sample)
   UNION ALL
  SELECT (SELECT started_at_us FROM scan
           WHERE scan_id = (SELECT min(s.scan_id) FROM sample s
                             WHERE s.scan_id >= (SELECT scan_id FROM scan
                                                  WHERE started_at_us > ifnull(k.killed_at_us, 0) + 300000000
                                                    AND is_partial IS NOT 1 ORDER BY started_at_us LIMIT 1)))
    FROM kept
    JOIN oom_kill k ON k.oom_kill_id = (SELECT oom_kill_id FROM oom_kill
                                         WHERE keeps_samples = 1
                                           AND killed_at_us BETWEEN kept.at_us - 300000000 AND kept.at_us + 1800000000
                                         ORDER BY killed_at_us DESC LIMIT 1)
   WHERE NOT EXISTS (SELECT 1 FROM sample s  -- else the time around the kill is a part of what is kept
                      WHERE s.scan_id = (SELECT scan_id FROM scan
                                          WHERE started_at_us > k.killed_at_us + 300000000 AND is_partial IS NOT 1
                                          ORDER BY started_at_us LIMIT 1))
),
newest AS MATERIALIZED (
  SELECT max(started_at_us) AS at_us,
         max(max(started_at_us) - 86400000000,
             (SELECT started_at_us FROM scan WHERE is_partial IS NOT 1 ORDER BY started_at_us LIMIT 1)) AS from_us
    FROM scan WHERE is_partial IS NOT 1
),
open_fault AS (SELECT * FROM (open_fault))
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
       (SELECT group_concat(coalesce(fault, 'unnamed'), ', ') FROM open_fault) AS faults,
       (SELECT max(at_us) FROM kept) AS samples_from_at_us,
       (SELECT min(hour_at_us) FROM sample_hour) AS hours_from_at_us,
       (SELECT CAST(sum(sc.cgroup_count) * 86400000000.0 / (n.at_us - n.from_us) AS INTEGER)
          FROM newest n JOIN scan sc ON sc.started_at_us > n.from_us
         WHERE n.at_us - n.from_us >= 3600000000) AS samples_a_day,
       coalesce((SELECT nullif(count(*) * 24 / max(count(DISTINCT hour_at_us), 1), 0) FROM sample_hour
                  WHERE hour_at_us > (SELECT max(hour_at_us) FROM sample_hour) - 86400000000),
                24 * last.cgroup_count) AS hours_a_day,
       (SELECT max(at_us) FROM service_event WHERE kind IN ('start', 'config_change')) AS config_read_at_us
  FROM (SELECT 1) AS one_row
  LEFT JOIN (SELECT * FROM scan WHERE is_partial IS NOT 1 ORDER BY started_at_us DESC LIMIT 1) AS last ON 1
  LEFT JOIN (SELECT count(*) FILTER (WHERE is_partial = 1) AS partial_scan_count,
                    coalesce(sum(cpu_us) FILTER (WHERE is_partial = 1), 0) AS partial_cpu_us,
                    100.0 * sum(cpu_us) / nullif(max(started_at_us) - min(started_at_us), 0) AS sampler_cpu_pct
               FROM scan WHERE started_at_us > (SELECT max(started_at_us) FROM scan) - 3600000000) AS recent ON 1;
