-- Limits of cgroups for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table cgroup_limit. Those that changed after :after_revision, up to :to_revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.cgroup_id, t.changed_at_us, t.limit_bytes, t.effective_limit_bytes,
       t.high_bytes, h.revision
  FROM change h
  JOIN cgroup_limit t ON t.cgroup_id = h.row_id
 WHERE +h.kind = 1 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision, t.changed_at_us
