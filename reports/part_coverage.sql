-- How much of the window the scans cover
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of coverage in brackets. One row, which coverage.sql explains. Gaps of a
-- week take longest of all in the weekly report, so it asks for them once.
WITH
asked AS (  -- time before the first scan ever does not count as missed
  SELECT max(:since_us, min(started_at_us)) AS begin_us,
         (SELECT interval_us FROM scan WHERE started_at_us < :until_us AND is_partial IS NOT 1
           ORDER BY started_at_us DESC LIMIT 1) AS interval_us
    FROM scan
),
missed AS (  -- within the window
  SELECT count(*) AS gaps, max(min(to_at_us, :until_us) - max(from_at_us, :since_us)) AS longest_us,
         ifnull(sum(min(to_at_us, :until_us) - max(due_at_us, :since_us)), 0) AS missed_us
    FROM (gap)
),
scans AS (
  SELECT count(*) AS scans, coalesce(sum(cgroup_count), 0) AS samples,
         min(started_at_us) AS first_at_us, max(started_at_us) AS last_at_us,
         count(*) FILTER (WHERE late_us > interval_us / 10) AS late,
         max(late_us) AS latest_us,
         avg(duration_us) AS average_us, max(duration_us) AS slowest_us, coalesce(sum(error_count), 0) AS errors
    FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us AND is_partial IS NOT 1
),
events AS (
  SELECT count(*) FILTER (WHERE kind = 'start') AS starts,
         count(*) FILTER (WHERE kind = 'crash_found') AS crashes,
         count(*) FILTER (WHERE kind = 'fault_begin') AS faults
    FROM service_event WHERE at_us >= :since_us AND at_us < :until_us
)
SELECT scans.scans,
       scans.samples,
       asked.interval_us,
       scans.first_at_us AS first_scan_at_us,
       scans.last_at_us AS last_scan_at_us,
       100.0 - 100.0 * missed.missed_us / nullif(max(:until_us - asked.begin_us, 0), 0) AS covered_pct,
       missed.missed_us,
       missed.gaps,
       missed.longest_us AS longest_gap_us,
       scans.late AS late_scans,
       scans.latest_us AS latest_by_us,
       CAST(round(scans.average_us) AS INTEGER) AS average_scan_us,
       scans.slowest_us AS slowest_scan_us,
       scans.errors AS read_errors,
       events.starts,
       events.crashes,
       events.faults
  FROM asked, missed, scans, events
