-- Times without a scan
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of gap in brackets. The gaps of v_scan_gap that reach into the
-- window, from the last scan before it on; the last one may be open, up to the end of the window.
SELECT from_at_us, ifnull(to_at_us, :until_us) AS to_at_us, due_at_us
  FROM v_scan_gap
 WHERE from_at_us BETWEEN ifnull((SELECT max(started_at_us) FROM scan
                                   WHERE started_at_us <= :since_us AND is_partial IS NOT 1), 0)
                      AND :until_us
   AND due_at_us < :until_us
   AND ifnull(to_at_us, :until_us) > from_at_us + 2 * interval_us
