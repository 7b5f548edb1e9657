-- The last minute before each OOM kill
-- SPDX-License-Identifier: Apache-2.0
-- The samples of the victim's cgroup, newest kill first. Cache is what can be dropped. The limit is the
-- effective one at that time. A kill without samples is left out. `incident show` draws one kill.
-- Most important first: oom_kill_id, cgroup, seconds_before, usage_bytes, of_limit_pct, anon_bytes, cache_bytes
SELECT o.oom_kill_id,
       c.name AS cgroup,
       round((o.killed_at_us - sc.started_at_us) / 1000000.0, 1) AS seconds_before,
       s.usage_kib * 1024 AS usage_bytes,
       s.anon_kib * 1024 AS anon_bytes,
       s.shmem_kib * 1024 AS shmem_bytes,
       s.reclaimable_cache_kib * 1024 AS cache_bytes,
       s.kernel_kib * 1024 AS kernel_bytes,
       l.effective_limit_bytes AS limit_bytes,
       100.0 * 1024 * s.usage_kib / nullif(l.effective_limit_bytes, 0) AS of_limit_pct,
       c.path
  -- CROSS JOIN keeps this order: a sample is found by its key, scan by scan.
  FROM oom_kill o
 CROSS JOIN scan sc
 CROSS JOIN sample s
 CROSS JOIN v_cgroup c
  LEFT JOIN cgroup_limit l ON l.cgroup_id = s.cgroup_id
       AND l.changed_at_us = (SELECT max(changed_at_us) FROM cgroup_limit
                               WHERE cgroup_id = s.cgroup_id AND changed_at_us <= sc.started_at_us)
 WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   AND sc.started_at_us BETWEEN o.killed_at_us - 60000000 AND o.killed_at_us
   AND s.scan_id = sc.scan_id AND s.cgroup_id = o.cgroup_id
   AND c.cgroup_id = o.cgroup_id AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 ORDER BY o.killed_at_us DESC, o.oom_kill_id DESC, sc.started_at_us;
