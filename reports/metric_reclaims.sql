-- Reclaims by outcome
-- SPDX-License-Identifier: Apache-2.0
-- metric reclaims counter cgmm_reclaims: Forced reclaims that have ended, by what the kernel did (outcome); dry_run: nothing was asked of it.
SELECT namespace, workload, container, qos, word AS outcome, sum(amount) AS reclaims
  FROM (metric_total)
 WHERE total = 'reclaims'
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY 1, 2, 3, 4, 5;
