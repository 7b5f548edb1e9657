-- Pods: their containers, and what they hold beyond these
-- SPDX-License-Identifier: Apache-2.0
-- Every pod in the last full scan of the window. The remainder is what is charged to a pod beyond its running
-- containers: page cache of containers that have ended, a tmpfs that they have written. The working set is what
-- the kubelet compares with limits when it evicts: usage less inactive file cache. An empty remainder is unknown.
-- Where the samples of that scan are gone: averages of the last whole hour, `measured` says so.
-- Most important first: pod, usage_bytes, limit_bytes, working_set_bytes, remainder_bytes
WITH now AS MATERIALIZED (
  SELECT c.cgroup_id, c.kind, c.path, c.name, c.workload, c.namespace, c.pod, c.pod_uid, c.effective_limit_bytes, c.first_seen_at,
         rtrim(c.path, replace(c.path, '/', '')) AS directory,
         s.usage_kib, s.anon_kib, s.shmem_kib, s.reclaimable_cache_kib AS cache_kib,
         s.inactive_file_kib, s.measured
    FROM (window_last) s
    JOIN v_cgroup c USING (cgroup_id)
   WHERE c.kind IN ('pod', 'container')
),
inside AS MATERIALIZED (
  SELECT directory, count(*) AS containers, sum(usage_kib) AS usage_kib, sum(inactive_file_kib) AS inactive_file_kib
    FROM now
   WHERE kind = 'container'
   GROUP BY directory
)
SELECT coalesce(p.namespace || '/', '') || coalesce(p.pod, 'pod ' || substr(p.pod_uid, 1, 8), p.name) AS pod,
       coalesce(i.containers, 0) AS containers,
       (p.usage_kib + coalesce(i.usage_kib, 0)) * 1024 AS usage_bytes,
       (p.usage_kib + coalesce(i.usage_kib, 0) - p.inactive_file_kib - coalesce(i.inactive_file_kib, 0)) * 1024
         AS working_set_bytes,
       coalesce(i.usage_kib, 0) * 1024 AS containers_bytes,
       p.usage_kib * 1024 AS remainder_bytes,
       p.anon_kib * 1024 AS remainder_anon_bytes,
       p.cache_kib * 1024 AS remainder_cache_bytes,
       p.shmem_kib * 1024 AS remainder_tmpfs_bytes,
       p.effective_limit_bytes AS limit_bytes,
       p.measured,
       p.first_seen_at,
       p.path
  FROM now p
  LEFT JOIN inside i ON i.directory = p.path || '/'
 WHERE p.kind = 'pod' AND (p.path GLOB :cgroup_glob OR p.name GLOB :cgroup_glob OR p.workload GLOB :cgroup_glob)
 ORDER BY usage_bytes DESC, p.path;
