-- A cgroup's memory over time
-- SPDX-License-Identifier: Apache-2.0
-- Every sample of the matching cgroups, cgroup by cgroup, with the scan interval at that time; the averages of an hour
-- where its samples are gone: `measured` says which (part_measured.sql). `history` draws charts from it. peak_bytes: the
-- highest usage since the sample before, where the kernel tells of one over both. oom_kills: the kills on record
-- (`report oom_kills`) from this sample to the next one of its path; the first and the last row also have those before
-- and after them, up to the ends of the window. The kernel's counter is not used: a kill is often the end of its cgroup,
-- and then nobody reads the counter again.
-- Most important first: at_us, cgroup, usage_bytes, reclaimable_cache_bytes, anon_bytes, oom_kills, shmem_bytes, peak_bytes, refault_file_bytes, swap_bytes, kernel_bytes
WITH killed AS MATERIALIZED (
  SELECT c.path, o.killed_at_us AS at_us, o.kill_count AS kills
    FROM oom_kill o
    JOIN v_cgroup c USING (cgroup_id)
   WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
     AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
),
event AS (  -- of the paths that have kills: what was measured, and the kills
  SELECT path, at_us, NULL AS kills FROM (measured) WHERE path IN (SELECT path FROM killed)
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
SELECT m.at_us,
       m.name AS cgroup,
       m.path,
       m.usage_bytes,
       m.reclaimable_cache_bytes,
       m.anon_bytes,
       m.file_bytes,
       m.shmem_bytes,
       m.dirty_bytes,
       m.kernel_bytes,
       m.swap_bytes,
       m.pgfault, m.pgmajfault,
       m.refault_file * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_file_bytes,
       m.refault_anon * (SELECT value FROM node WHERE key = 'page_size_bytes') AS refault_anon_bytes,
       m.pgscan, m.pgsteal, m.limit_hits, coalesce(k.kills, 0) AS oom_kills, m.psi_some_us, m.psi_full_us,
       m.interval_us,
       m.slab_reclaimable_bytes,
       m.slab_unreclaimable_bytes,
       m.peak_bytes,
       m.low_events, m.high_events, m.oom_events, m.oom_group_kills,
       coalesce(m.workload, m.name) AS workload,
       m.measured,
       m.usage_max_bytes
  FROM (measured) m
  LEFT JOIN kills_of_sample k ON k.path = m.path AND k.sample_at_us = m.at_us
 ORDER BY m.path, m.cgroup_id, m.at_us;
