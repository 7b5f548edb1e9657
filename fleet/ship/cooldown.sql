-- Cooldowns for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table cooldown. Those that changed after :after_revision, up to :to_revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.cgroup_id, t.last_reclaim_at_us, t.until_us, t.strikes, t.dose_pct,
       h.revision
  FROM change h
  JOIN cooldown t ON t.cgroup_id = h.row_id
 WHERE +h.kind = 5 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision
