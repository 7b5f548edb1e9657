-- OOM kills
-- SPDX-License-Identifier: Apache-2.0
-- Workloads that run begin at 0, so that increase() sees their first kill.
-- metric kills counter cgmm_oom_kills: OOM kills of the workload since its history began.
SELECT namespace, workload, container, qos, sum(amount) AS kills
  FROM (SELECT namespace, workload, container, qos, amount FROM (metric_total) WHERE total = 'oom_kills'
         UNION ALL
        SELECT l.namespace, l.workload, l.container, l.qos, 0
          FROM v_metric_label l
          JOIN cgroup c USING (cgroup_id)
         WHERE c.vanished_at_us IS NULL AND c.kind = 'container' AND l.workload IS NOT NULL)
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4;
