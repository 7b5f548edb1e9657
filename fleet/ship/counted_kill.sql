-- OOM kills that another row counts, for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- Columns of the fleet's table oom_kill, for kills that were sent and have no row any more: at no time, and counted as none. The
-- columns that are not named here are NULL. Those that changed after :after_revision, up to :to_revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, h.row_id AS oom_kill_id, 0 AS killed_at_us, '' AS source, '' AS scope,
       0 AS counted_count, 0 AS seen_count, 0 AS kill_count, h.revision
  FROM change h
 WHERE +h.kind = 7 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision
