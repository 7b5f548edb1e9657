-- Scans
-- SPDX-License-Identifier: Apache-2.0
-- metric started_at gauge cgmm_start_timestamp_seconds: When the service was started last, since 1970.
-- metric scan_at gauge cgmm_last_scan_timestamp_seconds: When the last scan on record began, since 1970.
-- metric interval gauge cgmm_scan_interval_seconds: How often cgroups are scanned.
-- metric duration gauge cgmm_last_scan_duration_seconds: How long the last scan took.
-- metric late gauge cgmm_last_scan_late_seconds: How much later than planned the last scan began.
-- metric cgroups gauge cgmm_last_scan_cgroups: Cgroups in the last scan.
-- metric errors gauge cgmm_last_scan_errors: Files that could not be read in the last scan.
-- metric covered gauge cgmm_scan_coverage_ratio: The part of the last 24 hours that scans cover, of 1.
-- metric gaps gauge cgmm_scan_gaps: Times in the last 24 hours with no scan for more than two intervals.
-- metric hours_from gauge cgmm_history_first_hour_timestamp_seconds: The oldest hour on record, since 1970.
-- metric faults gauge cgmm_open_faults: Faults of the service that have begun and not ended.
SELECT (SELECT max(at_us) FROM service_event WHERE kind = 'start') / 1e6 AS started_at,
       s.started_at_us / 1e6 AS scan_at,
       s.interval_us / 1e6 AS interval,
       s.duration_us / 1e6 AS duration,
       s.late_us / 1e6 AS late,
       s.cgroup_count AS cgroups,
       s.error_count AS errors,
       c.covered_pct / 100 AS covered,
       c.gaps,
       (SELECT min(hour_at_us) FROM sample_hour) / 1e6 AS hours_from,
       (SELECT count(*) FROM (open_fault)) AS faults
  FROM (SELECT 1)
  LEFT JOIN (SELECT * FROM scan WHERE is_partial IS NOT 1 ORDER BY started_at_us DESC LIMIT 1) s
  LEFT JOIN (coverage) c;
