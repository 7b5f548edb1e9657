-- OOM kills by cause
-- SPDX-License-Identifier: Apache-2.0
-- Why the kernel killed on all nodes, most often first. NULL: the cause is not known.
-- Most important first: cause, kills, workloads, nodes, last_at_us, most_killed
SELECT cause, kills, workloads, nodes, last_at_us, most.2 AS most_killed
  FROM (SELECT cause, sum(each_kills) AS kills, count() AS workloads, uniqExactMerge(each_nodes) AS nodes, max(each_last_us) AS last_at_us,
               arraySort(groupArray((each_kills, subject)))[-1] AS most
          FROM (SELECT cause, subject, sum(kill_count) AS each_kills, uniqExactState(node) AS each_nodes,
                       max(ifNull(last_killed_at_us, killed_at_us)) AS each_last_us
                  FROM (killed)
                 GROUP BY cause, subject)
         GROUP BY cause)
 ORDER BY kills DESC, cause;
