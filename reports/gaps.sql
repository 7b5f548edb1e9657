-- Gaps
-- SPDX-License-Identifier: Apache-2.0
-- Each time without a scan for more than two intervals, and the reason, if the history knows it. The last
-- one may be open: up to the end of the window.
SELECT from_at_us,
       to_at_us,
       to_at_us - due_at_us AS missing_us,
       coalesce(
         (SELECT CASE kind WHEN 'crash_found' THEN 'the service had crashed'
                           WHEN 'stop' THEN 'the service was stopped'
                           WHEN 'gap' THEN 'samples were dropped'
                           WHEN 'fault_begin' THEN 'fault'
                           ELSE 'the service was restarted' END
                 || CASE WHEN kind IN ('gap', 'fault_begin') AND detail <> '' THEN ': ' || detail ELSE '' END
            FROM service_event
           WHERE at_us BETWEEN from_at_us AND to_at_us
             AND kind IN ('crash_found', 'stop', 'gap', 'fault_begin', 'start')
           ORDER BY CASE kind WHEN 'crash_found' THEN 1 WHEN 'stop' THEN 2 WHEN 'gap' THEN 3
                              WHEN 'fault_begin' THEN 4 ELSE 5 END, at_us
           LIMIT 1),
         -- Late by most of the gap: the service was running but could not scan.
         (SELECT 'the scan was late: the node was suspended or overloaded, or its clock was set' FROM scan
           WHERE started_at_us = to_at_us AND is_partial IS NOT 1
             AND late_us > (to_at_us - from_at_us) / 2 LIMIT 1),
         CASE WHEN NOT EXISTS (SELECT 1 FROM scan WHERE started_at_us >= to_at_us AND is_partial IS NOT 1)
              THEN 'no scan since' END,
         'not known') AS why
  FROM (gap) gap
 ORDER BY from_at_us;
