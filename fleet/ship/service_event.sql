-- Events of the service for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table service_event. Those that changed after :after_revision, up to :to_revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.service_event_id, t.at_us, t.kind, t.detail, t.fault, h.revision
  FROM change h
  JOIN service_event t ON t.service_event_id = h.row_id
 WHERE +h.kind = 6 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision
