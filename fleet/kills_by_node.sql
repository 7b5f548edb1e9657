-- OOM kills by node
-- SPDX-License-Identifier: Apache-2.0
-- On which nodes the kernel killed, most often first, with their labels.
-- Most important first: node, kills, workloads, zone, pool, last_at_us, most_killed
SELECT node, cluster, zone, pool, kills, workloads, last_at_us, most_killed
  FROM (SELECT node, kills, workloads, last_at_us, most.2 AS most_killed
          FROM (SELECT node, sum(each_kills) AS kills, count() AS workloads, max(each_last_us) AS last_at_us,
                       arraySort(groupArray((each_kills, subject)))[-1] AS most
                  FROM (SELECT node, subject, sum(kill_count) AS each_kills, max(ifNull(last_killed_at_us, killed_at_us)) AS each_last_us
                          FROM (killed)
                         GROUP BY node, subject)
                 GROUP BY node)) AS k
   ANY LEFT JOIN (SELECT node, argMax(cluster, shipped_at_us) AS cluster, argMax(zone, shipped_at_us) AS zone, argMax(pool, shipped_at_us) AS pool
                    FROM node FINAL
                   WHERE {of_node}
                   GROUP BY node) AS n USING (node)
 ORDER BY kills DESC, node;
