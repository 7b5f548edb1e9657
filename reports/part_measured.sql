-- Samples, and hours where samples are gone
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of measured in brackets. What was measured of the matching
-- cgroups. Samples are kept for keep_samples, hours for much longer: an hour is told by its averages where none of its
-- samples is left. Where some are left, it has a row for each part without samples (part_lost.sql). So no moment is there
-- twice. `measured` says which: 'sample' or 'hour'. Not window_part: that takes hours where there are samples, too, because it
-- is for sums; a chart needs each sample.
--
--   replica             the first matching cgroup of the replica (part_replica.sql)
--   at_us, interval_us  of an hour: when it or its part without samples began, and how long that is
--   *_bytes             of an hour: the average, but usage_max_bytes and peak_bytes
--   usage_max_bytes     the highest known usage: of a sample since the sample before, of an hour in it
--   sample_count        of an hour: the samples in its averages. NULL: it is a sample
--   scan_count          of an hour: the most samples of any cgroup in it, so the whole scans in it
--   counters            of a part of an hour they are not known: those of the hour have the samples that are left, too
-- The + before some columns: both halves have columns of the same types then, and SQLite computes only those asked for.
WITH wanted AS MATERIALIZED (  -- an hour to spare: the clock may have been set back
  SELECT v.cgroup_id, v.path, v.name, v.workload, min(v.cgroup_id) OVER (PARTITION BY r.replica) AS replica,
         c.first_seen_at_us - 3600000000 AS from_us,
         coalesce(c.vanished_at_us + 3600000000, 9223372036854775807) AS to_us
    FROM v_cgroup v
    JOIN cgroup c USING (cgroup_id)
    JOIN (replica) r USING (cgroup_id)
   WHERE (v.path GLOB :cgroup_glob OR v.name GLOB :cgroup_glob OR v.workload GLOB :cgroup_glob)
),
block AS MATERIALIZED (  -- of 16 ids: samples of cgroups with ids that are close together are read one after the other
  SELECT min(cgroup_id) AS first_id, max(cgroup_id) AS last_id, min(from_us) AS from_us, max(to_us) AS to_us
    FROM wanted
   GROUP BY cgroup_id / 16
),
hour AS MATERIALIZED (
  SELECT *, to_us - from_us = 3600000000 AS is_whole,
         (SELECT max(sample_count) FROM sample_hour h WHERE h.hour_at_us = lost.hour_at_us) AS scan_count
    FROM (lost) lost
)
SELECT w.cgroup_id, w.path, w.name, w.workload, w.replica,
       hour.from_us AS at_us, hour.to_us - hour.from_us AS interval_us, 'hour' AS measured, +h.sample_count AS sample_count,
       +hour.scan_count AS scan_count,
       0 AS is_partial,
       h.usage_avg_kib * 1024 AS usage_bytes,
       max(h.usage_max_kib, coalesce(h.peak_max_kib, h.usage_max_kib)) * 1024 AS usage_max_bytes,
       CASE WHEN h.shmem_avg_kib IS NOT NULL THEN max(h.file_avg_kib - h.shmem_avg_kib, 0)
            ELSE coalesce(min(h.file_avg_kib, h.inactive_file_avg_kib + h.active_file_avg_kib), h.file_avg_kib)
            END * 1024 AS reclaimable_cache_bytes,  -- as in v_sample_hour
       h.anon_avg_kib * 1024 AS anon_bytes,
       h.file_avg_kib * 1024 AS file_bytes,
       h.shmem_avg_kib * 1024 AS shmem_bytes,
       h.dirty_avg_kib * 1024 AS dirty_bytes,
       h.kernel_avg_kib * 1024 AS kernel_bytes,
       h.swap_avg_kib * 1024 AS swap_bytes,
       iif(is_whole, h.pgfault, NULL) AS pgfault, iif(is_whole, h.pgmajfault, NULL) AS pgmajfault,
       iif(is_whole, h.refault_file, NULL) AS refault_file, iif(is_whole, h.refault_anon, NULL) AS refault_anon,
       iif(is_whole, h.pgscan, NULL) AS pgscan, iif(is_whole, h.pgsteal, NULL) AS pgsteal,
       iif(is_whole, h.limit_hits, NULL) AS limit_hits, iif(is_whole, h.psi_some_us, NULL) AS psi_some_us,
       iif(is_whole, h.psi_full_us, NULL) AS psi_full_us,
       h.slab_reclaimable_avg_kib * 1024 AS slab_reclaimable_bytes,
       h.slab_unreclaimable_avg_kib * 1024 AS slab_unreclaimable_bytes,
       h.peak_max_kib * 1024 AS peak_bytes,
       iif(is_whole, h.low_events, NULL) AS low_events, iif(is_whole, h.high_events, NULL) AS high_events,
       iif(is_whole, h.oom_events, NULL) AS oom_events, iif(is_whole, h.oom_group_kills, NULL) AS oom_group_kills
  FROM hour
 CROSS JOIN wanted w
 CROSS JOIN sample_hour h
 WHERE h.hour_at_us = hour.hour_at_us AND h.cgroup_id = w.cgroup_id
   AND (is_whole OR (w.from_us + 3600000000 < hour.to_us AND w.to_us - 3600000000 > hour.from_us))
 UNION ALL
SELECT w.cgroup_id, w.path, w.name, w.workload, w.replica,
       sc.started_at_us, +sc.interval_us, 'sample', NULL, NULL,
       sc.is_partial IS 1,
       s.usage_kib * 1024,
       max(s.usage_kib, coalesce(s.peak_kib, s.usage_kib)) * 1024,
       s.reclaimable_cache_kib * 1024,
       s.anon_kib * 1024,
       s.file_kib * 1024,
       s.shmem_kib * 1024,
       s.dirty_kib * 1024,
       s.kernel_kib * 1024,
       s.swap_kib * 1024,
       +s.pgfault, +s.pgmajfault, +s.refault_file, +s.refault_anon, +s.pgscan, +s.pgsteal, +s.limit_hits,
       +s.psi_some_us, +s.psi_full_us,
       s.slab_reclaimable_kib * 1024,
       s.slab_unreclaimable_kib * 1024,
       s.peak_kib * 1024,
       +s.low_events, +s.high_events, +s.oom_events, +s.oom_group_kills
  -- CROSS JOIN keeps this order: samples are found by their key, scan by scan, so that each page is read once.
  FROM (sampled_hour) sampled
 CROSS JOIN scan sc
 CROSS JOIN block b
 CROSS JOIN sample s
 CROSS JOIN wanted w
 WHERE sc.started_at_us >= max(sampled.hour_at_us, :since_us)
   AND sc.started_at_us < min(sampled.hour_at_us + 3600000000, :until_us)
   AND sc.started_at_us >= b.from_us AND sc.started_at_us < b.to_us
   AND s.scan_id = sc.scan_id AND s.cgroup_id BETWEEN b.first_id AND b.last_id
   AND w.cgroup_id = s.cgroup_id AND sc.started_at_us >= w.from_us AND sc.started_at_us < w.to_us
