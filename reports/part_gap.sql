-- Times without a scan
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of gap in brackets. The gaps of v_scan_gap that reach into the
-- window, from the last scan before it on; the last one may be open, up to the end of the window. Not read from that view,
-- which seeks the next scan of each scan by its time. Most often the scan with the next id came soon enough (`soon`), and no
-- gap can begin then.
SELECT this.started_at_us AS from_at_us, ifnull(next.started_at_us, :until_us) AS to_at_us,
       this.started_at_us + max(this.interval_us, ifnull(next.interval_us, 0)) AS due_at_us
  FROM scan this
  LEFT JOIN scan soon ON soon.scan_id = this.scan_id + 1
  LEFT JOIN scan next ON next.scan_id = (SELECT later.scan_id FROM scan later
                                          WHERE later.started_at_us > this.started_at_us AND later.is_partial IS NOT 1
                                          ORDER BY later.started_at_us LIMIT 1)
 WHERE this.is_partial IS NOT 1
   AND this.started_at_us BETWEEN ifnull((SELECT max(started_at_us) FROM scan
                                           WHERE started_at_us <= :since_us AND is_partial IS NOT 1), 0)
                              AND :until_us
   AND NOT ifnull(soon.started_at_us > this.started_at_us
                  AND soon.started_at_us <= this.started_at_us + 2 * this.interval_us AND soon.is_partial IS NOT 1, 0)
   AND this.started_at_us + max(this.interval_us, ifnull(next.interval_us, 0)) < :until_us
   AND ifnull(next.started_at_us, :until_us) > this.started_at_us + 2 * max(this.interval_us, ifnull(next.interval_us, 0))
