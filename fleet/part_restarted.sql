-- How often each workload was restarted in the window, if it was
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of restarted in brackets. It is the sum of what each node says:
-- reports/part_restart.sql and part_replica.sql have the rules. So a workload's first cgroup on a node is no restart.
SELECT coalesce(workload, name) AS subject, toInt64(count()) AS restarts
  FROM restart FINAL
 WHERE at_us >= {since_us} AND at_us < {until_us} AND {of_node}
   AND {of_workload}
 GROUP BY subject
