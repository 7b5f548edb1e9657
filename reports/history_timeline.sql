-- What was measured of a workload, or of the cgroups of one path
-- SPDX-License-Identifier: Apache-2.0
-- For the charts of `history`, which adds up the cgroups scan by scan: so hours come first, then samples in order of time, as
-- part_measured.sql finds them (a sort would keep all rows). One of :workload and :path is NULL.
-- is_partial: the scan read only those near their limit. share: of an hour, the share of its scans that saw the cgroup.
SELECT at_us, interval_us, iif(measured = 'hour', ifnull(1.0 * sample_count / scan_count, 0), NULL) AS share, is_partial,
       cgroup_id, replica, usage_bytes, usage_max_bytes, reclaimable_cache_bytes, anon_bytes, shmem_bytes, swap_bytes
  FROM (measured)
 WHERE (:workload IS NULL OR workload = :workload) AND (:path IS NULL OR path = :path);
