-- What was measured of some cgroups, in order of time
-- SPDX-License-Identifier: Apache-2.0
-- For the charts of `history`, which adds up the cgroups of a workload. is_partial: the scan read only those near their
-- limit.
SELECT at_us, interval_us, measured, sample_count, scan_count, is_partial, cgroup_id, usage_bytes, usage_max_bytes,
       reclaimable_cache_bytes, anon_bytes, shmem_bytes, swap_bytes, workload, path
  FROM (measured)
 ORDER BY at_us, cgroup_id;
