-- The memory of a cgroup that was stuck
-- SPDX-License-Identifier: Apache-2.0
-- Its samples in the window. `held` can't be dropped. psi_full_us and high_events are increases since the
-- sample before.
SELECT sc.started_at_us AS at_us,
       s.usage_kib * 1024 AS usage_bytes,
       s.held_kib * 1024 AS held_bytes,
       s.anon_kib * 1024 AS anon_bytes,
       s.reclaimable_cache_kib * 1024 AS cache_bytes,
       s.high_events,
       s.psi_full_us
  -- CROSS JOIN keeps this order: a sample is found by its key, scan by scan.
  FROM stuck k
 CROSS JOIN scan sc
 CROSS JOIN sample s
 WHERE k.stuck_id = :stuck_id
   AND sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
   AND s.scan_id = sc.scan_id AND s.cgroup_id = k.cgroup_id
 ORDER BY sc.started_at_us;
