-- Memory by workload, in the last whole hour
-- SPDX-License-Identifier: Apache-2.0
-- What the replicas of each workload held together on average in the last whole hour of the window, on all nodes that were heard of at its
-- end, as in reports/memory_by_workload.sql where that tells of hours, too. `seen`: replicas in the whole window. The fullest is the
-- replica that used most of its limit.
-- Most important first: workload, usage_bytes, running, nodes, fullest_pct, anon_bytes
SELECT subject AS workload, running, seen, usage_bytes, anon_bytes, reclaimable_cache_bytes, shmem_bytes, fullest_pct, restarts,
       'hours' AS measured, nodes
  FROM (SELECT subject,
               sum(is_running) AS running,
               count() AS seen,
               sum(usage_kib) * 1024 AS usage_bytes,
               sum(anon_kib) * 1024 AS anon_bytes,
               sum(cache_kib) * 1024 AS reclaimable_cache_bytes,
               sum(shmem_kib) * 1024 AS shmem_bytes,
               max(if(ifNull(cgroup_pct, -1) > ifNull(pod_pct, -1), cgroup_pct, pod_pct)) AS fullest_pct,
               uniqExactIf(node, is_running = 1) AS nodes
          FROM (SELECT subject, node, history_id, replica,
                       max(was_there) AS is_running,
                       sum(if(was_there = 1, each_usage_kib, NULL)) AS usage_kib, sum(if(was_there = 1, each_anon_kib, NULL)) AS anon_kib,
                       sum(if(was_there = 1, each_cache_kib, NULL)) AS cache_kib,
                       sum(if(was_there = 1, each_shmem_kib, NULL)) AS shmem_kib,
                       max(100 * if(was_there = 1, each_usage_kib, NULL) * 1024
                           / if(effective_limit_bytes > 0, effective_limit_bytes, NULL)) AS cgroup_pct,
                       100 * sum(if(was_there = 1, each_usage_kib, NULL)) * 1024 / max(if(is_pod = 1 AND effective_limit_bytes > 0, effective_limit_bytes, NULL))
                         AS pod_pct
                  FROM (SELECT *
                          FROM (SELECT *, hour_at_us > 0 AND ifNull(vanished_at_us, {until_us}) >= hour_at_us + 3600000000 AS was_there
                                  FROM (SELECT node, history_id, cgroup_id, assumeNotNull(coalesce(workload, name)) AS subject,
                                               if(pod_uid IS NOT NULL AND container IS NULL, assumeNotNull(pod_uid), toString(cgroup_id))
                                                 AS replica,
                                               ifNull(kind, '') = 'pod' AS is_pod, last_seen_at_us, vanished_at_us
                                          FROM cgroup FINAL
                                         WHERE first_seen_at_us < {until_us} AND {of_node}
                                           AND {of_workload}) AS c
                                   ANY LEFT JOIN (SELECT node, history_id, cgroup_id, hour_at_us, usage_kib AS each_usage_kib,
                                                         anon_kib AS each_anon_kib, cache_kib AS each_cache_kib, shmem_kib AS each_shmem_kib
                                                    FROM (hour_last)) AS h USING (node, history_id, cgroup_id)
                                 WHERE was_there = 1 OR last_seen_at_us >= {since_us}) AS ch
                           ANY LEFT JOIN (SELECT node, history_id, cgroup_id, effective_limit_bytes FROM (limit_last)) AS l
                           USING (node, history_id, cgroup_id))
                 GROUP BY subject, node, history_id, replica)
         GROUP BY subject) AS held
   ANY LEFT JOIN (SELECT assumeNotNull(workload) AS subject, toNullable(restarts) AS restarts FROM (window_restart)) AS r USING (subject)
 WHERE running > 0
 ORDER BY usage_bytes DESC, workload;
