-- Samples before incidents for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table sample: those of the cgroups that were OOM-killed or stuck, from ten minutes before. Of incidents that
-- changed after :after_revision, up to :to_revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind; CROSS JOIN from reading all samples.
WITH incident AS (
  SELECT k.cgroup_id, k.killed_at_us AS at_us
    FROM change h JOIN oom_kill k ON k.oom_kill_id = h.row_id
   WHERE +h.kind = 3 AND h.revision > :after_revision AND h.revision <= :to_revision
  UNION
  SELECT t.cgroup_id, t.last_seen_at_us
    FROM change h JOIN stuck t ON t.stuck_id = h.row_id
   WHERE +h.kind = 4 AND h.revision > :after_revision AND h.revision <= :to_revision
)
SELECT :node AS node, :history_id AS history_id, t.scan_id, t.cgroup_id, t.usage_kib, t.anon_kib, t.file_kib, t.shmem_kib,
       t.inactive_file_kib, t.active_file_kib, t.dirty_kib, t.kernel_kib, t.swap_kib, t.pgfault, t.pgmajfault,
       t.refault_file, t.refault_anon, t.pgscan, t.pgsteal, t.limit_hits, t.oom_kills, t.psi_some_us, t.psi_full_us,
       t.slab_reclaimable_kib, t.slab_unreclaimable_kib, t.peak_kib, t.low_events, t.high_events, t.oom_events,
       t.oom_group_kills, t.shmem_unknown, around.started_at_us AS at_us,
       around.is_partial IS NOT 1 AS is_whole, t.reclaimable_cache_kib, t.held_kib
  FROM (SELECT DISTINCT s.scan_id, s.started_at_us, s.is_partial, i.cgroup_id
          FROM incident i
          JOIN scan s ON s.started_at_us BETWEEN i.at_us - 600000000 AND i.at_us) around
 CROSS JOIN sample t ON t.scan_id = around.scan_id AND t.cgroup_id = around.cgroup_id
 ORDER BY t.scan_id, t.cgroup_id
