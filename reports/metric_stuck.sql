-- Cgroups that were stuck
-- SPDX-License-Identifier: Apache-2.0
-- metric times counter cgmm_stuck: How often cgroups were stuck: throttled at memory.high, or out of memory with the OOM killer disabled (kind).
SELECT namespace, workload, container, qos, word AS kind, sum(amount) AS times
  FROM (metric_total)
 WHERE total = 'stuck'
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY 1, 2, 3, 4, 5;
