-- A cgroup's memory over time
-- SPDX-License-Identifier: Apache-2.0
-- Every sample of the matching cgroups, cgroup by cgroup, with the scan interval at that time. `history`
-- draws charts from it. peak_bytes: the highest usage since the sample before, where the kernel tells of one
-- over both. oom_kills: the kills on record (`report oom_kills`) from this sample to the next one of its path;
-- the first and the last row also have those before and after them, up to the ends of the window. The kernel's
-- counter is not used: a kill is often the end of its cgroup, and then nobody reads the counter again.
-- Most important first: at_us, cgroup, usage_bytes, reclaimable_cache_bytes, anon_bytes, oom_kills, shmem_bytes, peak_bytes, refault_file_bytes, swap_bytes, kernel_bytes
WITH killed AS MATERIALIZED (
  SELECT c.path, o.killed_at_us AS at_us, o.kill_count AS kills
    FROM oom_kill o
    JOIN v_cgroup c USING (cgroup_id)
   WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
     AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
),
event AS (  -- of the paths that have kills: their samples, and the kills
  SELECT c.path, sc.started_at_us AS at_us, NULL AS kills
    FROM cgroup c
   CROSS JOIN scan sc
   CROSS JOIN sample s
   WHERE c.path IN (SELECT path FROM killed)
     AND sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
     AND s.scan_id = sc.scan_id AND s.cgroup_id = c.cgroup_id
   UNION ALL
  SELECT path, at_us, kills FROM killed
),
placed AS (
  SELECT path, kills,
         coalesce(max(iif(kills IS NULL, at_us, NULL)) OVER (PARTITION BY path ORDER BY at_us, kills IS NOT NULL),
                  min(iif(kills IS NULL, at_us, NULL)) OVER (PARTITION BY path)) AS sample_at_us
    FROM event
),
kills_of_sample AS MATERIALIZED (
  SELECT path, CAST(sample_at_us AS INTEGER) AS sample_at_us, sum(kills) AS kills  -- cast: for an index by both
    FROM placed
   WHERE kills IS NOT NULL
   GROUP BY path, sample_at_us
)
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
       s.pgscan, s.pgsteal, s.limit_hits, coalesce(k.kills, 0) AS oom_kills, s.psi_some_us, s.psi_full_us,
       sc.interval_us,
       s.slab_reclaimable_kib * 1024 AS slab_reclaimable_bytes,
       s.slab_unreclaimable_kib * 1024 AS slab_unreclaimable_bytes,
       s.peak_kib * 1024 AS peak_bytes,
       s.low_events, s.high_events, s.oom_events, s.oom_group_kills
  -- CROSS JOIN keeps this order: a sample is found by its key, scan by scan.
  FROM v_cgroup c
 CROSS JOIN scan sc
 CROSS JOIN sample s
  LEFT JOIN kills_of_sample k ON k.path = c.path AND k.sample_at_us = sc.started_at_us
 WHERE (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   AND sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
   AND s.scan_id = sc.scan_id AND s.cgroup_id = c.cgroup_id
 ORDER BY c.path, c.cgroup_id, sc.started_at_us;
