-- OOM kills by cause
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the exemplar are those of the newest kill.
-- metric kills counter cgmm_oom_kills_by_cause: OOM kills of the workload since its history began, by what the memory was (cause) and whose limit was hit (scope).
-- exemplar kills oom_kill_id killed_at_us
SELECT namespace, workload, container, qos, word AS cause, other AS scope, sum(amount) AS kills,
       row_id AS oom_kill_id, max(killed_at_us) AS killed_at_us
  FROM (metric_total)
  LEFT JOIN oom_kill ON oom_kill_id = row_id
 WHERE total = 'oom_kills'
 GROUP BY 1, 2, 3, 4, 5, 6
 ORDER BY 1, 2, 3, 4, 5, 6;
