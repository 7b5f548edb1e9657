-- OOM kills
-- SPDX-License-Identifier: Apache-2.0
-- Workloads that run begin at 0, so that increase() sees their first kill. The columns of the exemplar are those of the newest kill.
-- metric kills counter cgmm_oom_kills: OOM kills of the workload since its history began.
-- exemplar kills oom_kill_id killed_at_us
SELECT namespace, workload, container, qos, sum(amount) AS kills, row_id AS oom_kill_id, max(killed_at_us) AS killed_at_us
  FROM (SELECT namespace, workload, container, qos, amount, row_id, killed_at_us
          FROM (metric_total)
          LEFT JOIN oom_kill ON oom_kill_id = row_id
         WHERE total = 'oom_kills'
         UNION ALL
        SELECT l.namespace, l.workload, l.container, l.qos, 0, NULL, NULL
          FROM v_metric_label l
          JOIN cgroup c USING (cgroup_id)
         WHERE c.vanished_at_us IS NULL AND c.kind = 'container' AND l.workload IS NOT NULL)
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4;
