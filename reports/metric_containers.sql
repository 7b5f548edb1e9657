-- Containers in the newest scan
-- SPDX-License-Identifier: Apache-2.0
-- Containers, and services below system.slice. Those of a pod whose names are not known are one sample, their sum. Asked only with
-- --containers.
-- metric usage_bytes gauge cgmm_container_usage_bytes: Memory charged to the container or service.
-- metric held_bytes gauge cgmm_container_held_bytes: Memory charged to the container or service that can't be dropped: without page cache and slab that can.
-- metric cache_bytes gauge cgmm_container_reclaimable_cache_bytes: Page cache charged to the container or service that can be dropped.
-- metric limit_bytes gauge cgmm_container_effective_limit_bytes: The lowest memory limit of the container or service and of the cgroups above it.
SELECT l.namespace, c.pod, l.container, l.workload, l.qos,
       sum(s.usage_kib) * 1024 AS usage_bytes,
       sum(s.held_kib) * 1024 AS held_bytes,
       sum(s.reclaimable_cache_kib) * 1024 AS cache_bytes,
       sum((SELECT effective_limit_bytes FROM cgroup_limit
             WHERE cgroup_id = s.cgroup_id ORDER BY changed_at_us DESC LIMIT 1)) AS limit_bytes
  FROM sample s
  JOIN v_metric_label l USING (cgroup_id)
  JOIN cgroup c USING (cgroup_id)
 WHERE s.scan_id = (SELECT scan_id FROM scan WHERE is_partial IS NOT 1 ORDER BY started_at_us DESC LIMIT 1)
   AND l.workload IS NOT NULL AND c.kind IS NOT 'pod'
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY 1, 2, 3, 4, 5;
