-- Reclaims with their effects for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table reclaim. Those that changed after :after_revision, up to :to_revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.reclaim_id, t.cgroup_id, t.started_at_us, t.duration_us, t.method,
       t.threshold_bytes, t.requested_bytes, t.usage_before_bytes, t.usage_after_bytes, t.file_before_bytes,
       t.file_after_bytes, t.shmem_before_bytes, t.shmem_after_bytes, t.anon_before_bytes, t.anon_after_bytes,
       t.swap_before_bytes, t.swap_after_bytes, t.freed_bytes, t.outcome, t.error, t.step_count, t.stopped_by,
       t.psi_some_us, t.observed_for_us, e.refaulted_bytes, e.regrown_bytes, t.held_byte_seconds, t.verdict, t.judged_by,
       t.ended_by, t.read_back_bytes, t.regrown_bytes AS told_regrown_bytes, t.stayed_free_bytes, t.by_regrowth,
       t.mostly_regrown, v.path, v.name, v.workload, h.revision
  FROM change h
  JOIN (told_reclaim) t ON t.reclaim_id = h.row_id
  LEFT JOIN reclaim_effect e ON e.reclaim_id = h.row_id
  LEFT JOIN v_cgroup v ON v.cgroup_id = t.cgroup_id
 WHERE +h.kind = 2 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision
