-- Hours for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table sample_hour. Those after :after_hour_us, up to :to_hour_us.
SELECT :node AS node, :history_id AS history_id, t.hour_at_us, t.cgroup_id, t.sample_count, t.usage_avg_kib,
       t.usage_max_kib, t.anon_avg_kib, t.anon_max_kib, t.file_avg_kib, t.file_max_kib, t.shmem_avg_kib, t.shmem_max_kib,
       t.inactive_file_avg_kib, t.inactive_file_max_kib, t.active_file_avg_kib, t.active_file_max_kib, t.dirty_avg_kib,
       t.dirty_max_kib, t.kernel_avg_kib, t.kernel_max_kib, t.swap_avg_kib, t.swap_max_kib, t.pgfault, t.pgmajfault,
       t.refault_file, t.refault_anon, t.pgscan, t.pgsteal, t.limit_hits, t.oom_kills, t.psi_some_us, t.psi_full_us,
       t.slab_reclaimable_avg_kib, t.slab_reclaimable_max_kib, t.slab_unreclaimable_avg_kib, t.slab_unreclaimable_max_kib,
       t.peak_max_kib, t.low_events, t.high_events, t.oom_events, t.oom_group_kills
  FROM sample_hour t
 WHERE t.hour_at_us > :after_hour_us AND t.hour_at_us <= :to_hour_us
 ORDER BY t.hour_at_us, t.cgroup_id
