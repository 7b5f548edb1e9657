-- Coverage
-- SPDX-License-Identifier: Apache-2.0
-- How much of the window the scans cover, in one row. A gap is more than two intervals between scans
-- (`gaps` lists them). A scan is late if it began more than a tenth of an interval after its time.
SELECT scans, interval_us, first_scan_at_us, last_scan_at_us, covered_pct, missed_us, gaps, longest_gap_us, late_scans,
       latest_by_us, average_scan_us, slowest_scan_us, read_errors, starts, crashes, faults
  FROM (coverage);
