-- The victim's memory around an OOM kill
-- SPDX-License-Identifier: Apache-2.0
-- Every sample of the path that held the victim, also of an earlier or later cgroup with that path, with
-- the limit at that time.
SELECT sc.started_at_us AS at_us,
       s.usage_kib * 1024 AS usage_bytes,
       s.anon_kib * 1024 AS anon_bytes,
       s.reclaimable_cache_kib * 1024 AS cache_bytes,
       s.shmem_kib * 1024 AS shmem_bytes,
       s.kernel_kib * 1024 AS kernel_bytes,
       s.dirty_kib * 1024 AS dirty_bytes,
       s.swap_kib * 1024 AS swap_bytes,
       (SELECT l.effective_limit_bytes FROM cgroup_limit l
         WHERE l.cgroup_id = c.cgroup_id AND l.changed_at_us <= sc.started_at_us
         ORDER BY l.changed_at_us DESC LIMIT 1) AS limit_bytes,
       s.limit_hits,
       s.psi_some_us,
       s.cgroup_id,
       s.slab_reclaimable_kib * 1024 AS slab_reclaimable_bytes,
       s.peak_kib * 1024 AS peak_bytes
  -- CROSS JOIN keeps this order: a sample is found by its key, scan by scan.
  FROM oom_kill o
 CROSS JOIN cgroup held
 CROSS JOIN cgroup c
 CROSS JOIN scan sc
 CROSS JOIN sample s
 WHERE o.oom_kill_id = :oom_kill_id
   AND held.cgroup_id = o.cgroup_id AND c.path = held.path
   AND sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
   AND s.scan_id = sc.scan_id AND s.cgroup_id = c.cgroup_id
 ORDER BY sc.started_at_us, c.cgroup_id;
