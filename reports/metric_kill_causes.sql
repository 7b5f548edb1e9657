-- OOM kills by cause
-- SPDX-License-Identifier: Apache-2.0
-- metric kills counter cgmm_oom_kills_by_cause: The same kills by what the memory was (cause) and whose limit was hit (scope).
SELECT namespace, workload, container, qos, word AS cause, other AS scope, sum(amount) AS kills
  FROM (metric_total)
 WHERE total = 'oom_kills'
 GROUP BY 1, 2, 3, 4, 5, 6
 ORDER BY 1, 2, 3, 4, 5, 6;
