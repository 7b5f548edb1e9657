-- Faults that have begun and not ended since the last start
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of open_fault in brackets. One row for each kind of fault.
SELECT f.fault, f.detail, max(f.service_event_id)
  FROM service_event f
 WHERE f.kind = 'fault_begin'
   AND f.service_event_id > (SELECT max(service_event_id) FROM service_event WHERE kind = 'start')
   AND NOT EXISTS (SELECT 1 FROM service_event e
                    WHERE e.kind = 'fault_end' AND e.service_event_id > f.service_event_id
                      AND (e.fault = f.fault OR e.fault IS NULL OR f.fault IS NULL))
 GROUP BY f.fault
