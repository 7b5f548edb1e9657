-- SPDX-License-Identifier: Apache-2.0
--
-- Samples and reclaims tell the name and the workload of their cgroup. The workload is what all restarts and replicas of a container
-- have in common: namespace/name/container, a systemd unit's path. Where it is not known, it is the name.

DROP VIEW v_sample;
CREATE VIEW v_sample AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', sc.started_at_us / 1000000, 'unixepoch') AS at,
       sc.started_at_us AS at_us,
       c.path, s.scan_id, s.cgroup_id,
       s.usage_kib * 1024 AS usage_bytes,
       s.anon_kib * 1024 AS anon_bytes,
       s.file_kib * 1024 AS file_bytes,
       s.shmem_kib * 1024 AS shmem_bytes,
       s.reclaimable_cache_kib * 1024 AS reclaimable_cache_bytes,
       s.inactive_file_kib * 1024 AS inactive_file_bytes,
       s.active_file_kib * 1024 AS active_file_bytes,
       s.dirty_kib * 1024 AS dirty_bytes,
       s.kernel_kib * 1024 AS kernel_bytes,
       s.swap_kib * 1024 AS swap_bytes,
       s.pgfault, s.pgmajfault,
       s.refault_file * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_file_bytes,
       s.refault_anon * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_anon_bytes,
       s.pgscan, s.pgsteal, s.limit_hits, s.oom_kills, s.psi_some_us, s.psi_full_us,
       s.slab_reclaimable_kib * 1024 AS slab_reclaimable_bytes,
       s.slab_unreclaimable_kib * 1024 AS slab_unreclaimable_bytes,
       s.peak_kib * 1024 AS peak_bytes,
       s.held_kib * 1024 AS held_bytes,
       s.low_events, s.high_events, s.oom_events, s.oom_group_kills,
       c.name, coalesce(c.workload, c.name) AS workload
  FROM sample s
  JOIN scan sc ON sc.scan_id = s.scan_id
  JOIN v_cgroup c ON c.cgroup_id = s.cgroup_id;

DROP VIEW v_sample_hour;
CREATE VIEW v_sample_hour AS
SELECT strftime('%Y-%m-%dT%H:%M:%SZ', h.hour_at_us / 1000000, 'unixepoch') AS hour_at,
       h.hour_at_us, c.path, h.cgroup_id, h.sample_count,
       h.usage_avg_kib * 1024 AS usage_avg_bytes, h.usage_max_kib * 1024 AS usage_max_bytes,
       h.anon_avg_kib * 1024 AS anon_avg_bytes, h.anon_max_kib * 1024 AS anon_max_bytes,
       h.file_avg_kib * 1024 AS file_avg_bytes, h.file_max_kib * 1024 AS file_max_bytes,
       h.shmem_avg_kib * 1024 AS shmem_avg_bytes, h.shmem_max_kib * 1024 AS shmem_max_bytes,
       CASE WHEN h.shmem_avg_kib IS NOT NULL THEN max(h.file_avg_kib - h.shmem_avg_kib, 0)
            ELSE coalesce(min(h.file_avg_kib, h.inactive_file_avg_kib + h.active_file_avg_kib), h.file_avg_kib)
            END * 1024 AS reclaimable_cache_avg_bytes,
       h.inactive_file_avg_kib * 1024 AS inactive_file_avg_bytes, h.inactive_file_max_kib * 1024 AS inactive_file_max_bytes,
       h.active_file_avg_kib * 1024 AS active_file_avg_bytes, h.active_file_max_kib * 1024 AS active_file_max_bytes,
       h.dirty_avg_kib * 1024 AS dirty_avg_bytes, h.dirty_max_kib * 1024 AS dirty_max_bytes,
       h.kernel_avg_kib * 1024 AS kernel_avg_bytes, h.kernel_max_kib * 1024 AS kernel_max_bytes,
       h.swap_avg_kib * 1024 AS swap_avg_bytes, h.swap_max_kib * 1024 AS swap_max_bytes,
       h.pgfault, h.pgmajfault,
       h.refault_file * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_file_bytes,
       h.refault_anon * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_anon_bytes,
       h.pgscan, h.pgsteal, h.limit_hits, h.oom_kills, h.psi_some_us, h.psi_full_us,
       h.slab_reclaimable_avg_kib * 1024 AS slab_reclaimable_avg_bytes,
       h.slab_reclaimable_max_kib * 1024 AS slab_reclaimable_max_bytes,
       h.slab_unreclaimable_avg_kib * 1024 AS slab_unreclaimable_avg_bytes,
       h.slab_unreclaimable_max_kib * 1024 AS slab_unreclaimable_max_bytes,
       h.peak_max_kib * 1024 AS peak_max_bytes,
       h.low_events, h.high_events, h.oom_events, h.oom_group_kills,
       c.name, coalesce(c.workload, c.name) AS workload
  FROM sample_hour h
  JOIN v_cgroup c ON c.cgroup_id = h.cgroup_id;

DROP VIEW v_reclaim;
CREATE VIEW v_reclaim AS
SELECT r.reclaim_id,
       strftime('%Y-%m-%dT%H:%M:%SZ', r.started_at_us / 1000000, 'unixepoch') AS started_at,
       r.started_at_us, c.path, r.cgroup_id, r.method, r.outcome, r.error,
       r.duration_us, r.threshold_bytes, r.requested_bytes, r.freed_bytes,
       r.usage_before_bytes, r.usage_after_bytes, r.file_before_bytes, r.file_after_bytes,
       r.shmem_before_bytes, r.shmem_after_bytes, r.anon_before_bytes, r.anon_after_bytes,
       r.swap_before_bytes, r.swap_after_bytes,
       e.verdict, e.refaulted_bytes, e.regrown_bytes, e.held_byte_seconds, e.observed_for_us,
       r.stopped_by, r.step_count, r.psi_some_us,
       max(r.swap_after_bytes - r.swap_before_bytes, 0) AS swapped_out_bytes,
       e.judged_by, e.ended_by AS effect_ended_by,
       c.name, coalesce(c.workload, c.name) AS workload
  FROM reclaim r
  JOIN v_cgroup c ON c.cgroup_id = r.cgroup_id
  LEFT JOIN reclaim_effect e ON e.reclaim_id = r.reclaim_id;
