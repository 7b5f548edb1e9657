-- Reclaims by verdict
-- SPDX-License-Identifier: Apache-2.0
-- metric reclaims counter cgmm_reclaim_verdicts: Reclaims whose observation has ended, by whether they helped (verdict).
SELECT namespace, workload, container, qos, word AS verdict, sum(amount) AS reclaims
  FROM (metric_total)
 WHERE total = 'reclaim_verdicts'
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY 1, 2, 3, 4, 5;
