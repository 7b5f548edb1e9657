-- Times in which a cgroup was stuck for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table stuck. Those that changed after :after_revision, up to :to_revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.stuck_id, t.cgroup_id, t.kind, t.began_at_us, t.last_seen_at_us,
       t.ended_at_us, t.ended_by, t.usage_bytes, t.limit_bytes, t.high_events, t.psi_full_us, v.path, v.name, v.workload,
       h.revision
  FROM change h
  JOIN stuck t ON t.stuck_id = h.row_id
  LEFT JOIN v_cgroup v ON v.cgroup_id = t.cgroup_id
 WHERE +h.kind = 4 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision
