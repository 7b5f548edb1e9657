-- A cgroup's memory over time
-- SPDX-License-Identifier: Apache-2.0
-- Every sample of the matching cgroups, cgroup by cgroup, with the scan interval at that time. `history`
-- draws charts from it. peak_bytes: the highest usage since the sample before, where the kernel tells of one
-- over both.
SELECT sc.started_at_us AS at_us,
       c.name AS cgroup,
       c.path,
       s.usage_kib * 1024 AS usage_bytes,
       s.reclaimable_cache_kib * 1024 AS reclaimable_cache_bytes,
       s.anon_kib * 1024 AS anon_bytes,
       s.file_kib * 1024 AS file_bytes,
       s.shmem_kib * 1024 AS shmem_bytes,
       s.dirty_kib * 1024 AS dirty_bytes,
       s.kernel_kib * 1024 AS kernel_bytes,
       s.swap_kib * 1024 AS swap_bytes,
       s.pgfault, s.pgmajfault,
       s.refault_file * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_file_bytes,
       s.refault_anon * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_anon_bytes,
       s.pgscan, s.pgsteal, s.limit_hits, s.oom_kills, s.psi_some_us, s.psi_full_us,
       sc.interval_us,
       s.slab_reclaimable_kib * 1024 AS slab_reclaimable_bytes,
       s.slab_unreclaimable_kib * 1024 AS slab_unreclaimable_bytes,
       s.peak_kib * 1024 AS peak_bytes,
       s.low_events, s.high_events, s.oom_events, s.oom_group_kills
  -- CROSS JOIN keeps this order: a sample is found by its key, scan by scan.
  FROM v_cgroup c
 CROSS JOIN scan sc
 CROSS JOIN sample s
 WHERE (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob)
   AND sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
   AND s.scan_id = sc.scan_id AND s.cgroup_id = c.cgroup_id
 ORDER BY c.path, c.cgroup_id, sc.started_at_us;
