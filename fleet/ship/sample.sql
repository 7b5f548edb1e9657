-- Samples for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table sample. Those after :after_scan_id, up to :to_scan_id.
SELECT :node AS node, :history_id AS history_id, t.scan_id, t.cgroup_id, t.usage_kib, t.anon_kib, t.file_kib, t.shmem_kib,
       t.inactive_file_kib, t.active_file_kib, t.dirty_kib, t.kernel_kib, t.swap_kib, t.pgfault, t.pgmajfault,
       t.refault_file, t.refault_anon, t.pgscan, t.pgsteal, t.limit_hits, t.oom_kills, t.psi_some_us, t.psi_full_us,
       t.slab_reclaimable_kib, t.slab_unreclaimable_kib, t.peak_kib, t.low_events, t.high_events, t.oom_events,
       t.oom_group_kills, t.shmem_unknown, s.started_at_us AS at_us, s.is_partial IS NOT 1 AS is_whole,
       t.reclaimable_cache_kib, t.held_kib
  FROM sample t
  JOIN scan s USING (scan_id)
 WHERE t.scan_id > :after_scan_id AND t.scan_id <= :to_scan_id
 ORDER BY t.scan_id, t.cgroup_id
