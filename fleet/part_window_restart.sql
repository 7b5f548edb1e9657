-- How often each workload was restarted in the window
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of window_restart in brackets. 0: it was not, but can be restarted. A
-- workload that can't has no row. Without FINAL, which would take longest: of a cgroup that is there twice, one row suffices.
SELECT workload, sum(each_restarts) AS restarts
  FROM (SELECT coalesce(workload, name) AS workload, toInt64(0) AS each_restarts
          FROM cgroup
         WHERE {of_node} AND (pod_uid IS NULL OR container IS NOT NULL) AND ifNull(kind, '') NOT IN ('inner', 'pod')
           AND {of_workload}
         GROUP BY workload
         UNION ALL
        SELECT subject, restarts FROM (restarted))
 GROUP BY workload
