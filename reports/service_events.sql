-- Service events
-- SPDX-License-Identifier: Apache-2.0
-- What happened to the service itself: starts, stops, crashes, gaps, configuration changes, faults.
SELECT at_us,
       replace(kind, '_', ' ') AS event,
       detail
  FROM service_event
 WHERE at_us >= :since_us AND at_us < :until_us
 ORDER BY at_us, service_event_id;
