-- Working set, as the kubelet counts it
-- SPDX-License-Identifier: Apache-2.0
-- Usage less inactive file cache, in the last full scan of the window: what the kubelet compares with its
-- eviction threshold. `report working_set --until WHEN` tells whose cache had it evict pods at that time: active
-- file cache counts, although it can be dropped. A pod has its containers and its remainder; all others stand
-- for themselves. "(all)" is the sum, which is what is on record of the node. Where the samples of that scan are
-- gone: averages of the last whole hour, `measured` says so.
-- Most important first: pod_or_cgroup, working_set_bytes, usage_bytes, inactive_file_bytes
WITH now AS MATERIALIZED (
  SELECT c.path, c.name, c.kind, c.namespace, c.pod,
         iif(c.kind = 'pod', c.path || '/', rtrim(c.path, replace(c.path, '/', ''))) AS directory,
         s.usage_kib, s.anon_kib, s.shmem_kib, s.active_file_kib, s.inactive_file_kib, s.measured
    FROM (window_last) s
    JOIN v_cgroup c USING (cgroup_id)
   WHERE c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob
),
pods AS MATERIALIZED (
  SELECT directory, coalesce(namespace || '/', '') || coalesce(pod, name) AS name FROM now WHERE kind = 'pod'
),
summed AS (
  SELECT coalesce(p.name, n.name) AS name, count(*) AS cgroups, sum(usage_kib) AS usage_kib,
         sum(usage_kib) - sum(inactive_file_kib) AS working_set_kib, sum(anon_kib) AS anon_kib,
         sum(active_file_kib) AS active_file_kib, sum(inactive_file_kib) AS inactive_file_kib,
         sum(shmem_kib) AS shmem_kib, max(measured) AS measured, 1 AS part
    FROM now n
    LEFT JOIN pods p ON p.directory = n.directory AND n.kind IN ('pod', 'container')
   GROUP BY coalesce(p.directory, n.path), coalesce(p.name, n.name)
   UNION ALL
  SELECT '(all)', count(*), sum(usage_kib), sum(usage_kib) - sum(inactive_file_kib), sum(anon_kib),
         sum(active_file_kib), sum(inactive_file_kib), sum(shmem_kib), max(measured), 0
    FROM now
  HAVING count(*) > 0
)
SELECT name AS pod_or_cgroup,
       working_set_kib * 1024 AS working_set_bytes,
       usage_kib * 1024 AS usage_bytes,
       anon_kib * 1024 AS anon_bytes,
       active_file_kib * 1024 AS active_file_bytes,
       inactive_file_kib * 1024 AS inactive_file_bytes,
       shmem_kib * 1024 AS tmpfs_bytes,
       cgroups,
       measured
  FROM summed
 ORDER BY part, working_set_kib DESC, name;
