-- The samples of some cgroups, for a simulation of a few
-- SPDX-License-Identifier: Apache-2.0
-- The same columns and order as simulate_samples.sql, which reads all cgroups. :cgroup_ids is a JSON array.
SELECT s.cgroup_id, sc.started_at_us, sc.interval_us, sc.is_partial IS 1 AS is_partial,
       s.usage_kib, s.anon_kib, s.file_kib, s.shmem_kib, s.inactive_file_kib, s.active_file_kib, s.dirty_kib,
       s.pgmajfault, s.refault_file, s.pgsteal, s.limit_hits, s.psi_some_us
  FROM sample s
 CROSS JOIN scan sc ON sc.scan_id = s.scan_id
 WHERE s.cgroup_id IN (SELECT value FROM json_each(:cgroup_ids))
   AND s.scan_id >= (SELECT min(scan_id) FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us)
   AND s.scan_id <= (SELECT max(scan_id) FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us)
   AND sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
 ORDER BY s.scan_id, s.cgroup_id;
