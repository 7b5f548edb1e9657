-- Coverage
-- SPDX-License-Identifier: Apache-2.0
-- How completely the time asked for was watched, in one row. A gap is more than two intervals between scans
-- (`gaps` lists them); a scan is late when it began a tenth of an interval after its time.
WITH
step AS NOT MATERIALIZED (  -- from each scan, the one before the time asked for too, to the next or to the end
  SELECT from_at_us, to_at_us, to_at_us - from_at_us AS step_us
    FROM (SELECT started_at_us AS from_at_us,
                 ifnull((SELECT min(started_at_us) FROM scan WHERE started_at_us > this.started_at_us),
                        :until_us) AS to_at_us
            FROM scan this
           WHERE started_at_us >= ifnull((SELECT max(started_at_us) FROM scan WHERE started_at_us < :since_us),
                                         :since_us)
             AND started_at_us < :until_us)
),
pace AS MATERIALIZED (  -- the interval as configured, or the median of the steps
  SELECT coalesce((SELECT CAST(value AS INTEGER) FROM node WHERE key = 'interval_us'),
                  (SELECT step_us FROM step ORDER BY step_us LIMIT 1
                    OFFSET (SELECT (count(*) - 1) / 2 FROM step))) AS interval_us
),
asked AS (  -- what lies before the first scan ever was not missed
  SELECT max(:since_us, min(started_at_us)) AS begin_us FROM scan
),
missed AS (  -- the gaps, and what they cover of the time asked for beyond the first interval
  SELECT count(*) AS gaps, max(step_us) AS longest_us,
         ifnull(sum(max(0, min(to_at_us, :until_us) - max(from_at_us + interval_us, begin_us))), 0) AS missed_us
    FROM step, pace, asked
   WHERE step_us > 2 * interval_us AND to_at_us > :since_us AND from_at_us + interval_us < :until_us
),
scans AS (
  SELECT count(*) AS scans, min(started_at_us) AS first_at_us, max(started_at_us) AS last_at_us,
         count(*) FILTER (WHERE late_us > (SELECT interval_us FROM pace) / 10) AS late,
         max(late_us) AS latest_us,
         avg(duration_us) AS average_us, max(duration_us) AS slowest_us, coalesce(sum(error_count), 0) AS errors
    FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us
),
events AS (
  SELECT count(*) FILTER (WHERE kind = 'start') AS starts,
         count(*) FILTER (WHERE kind = 'crash_found') AS crashes,
         count(*) FILTER (WHERE kind = 'fault_begin') AS faults
    FROM service_event WHERE at_us >= :since_us AND at_us < :until_us
)
SELECT scans.scans,
       pace.interval_us,
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
  FROM asked, missed, pace, scans, events;
