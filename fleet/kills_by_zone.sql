-- OOM kills by zone and pool
-- SPDX-License-Identifier: Apache-2.0
-- Where the kernel killed, by the labels of the nodes (cluster, zone, pool in [ship]), most often first.
-- Most important first: zone, pool, kills, nodes, workloads, cluster
SELECT cluster, zone, pool, sum(kill_count) AS kills, uniqExact(node) AS nodes, uniqExact(subject) AS workloads,
       max(ifNull(last_killed_at_us, killed_at_us)) AS last_at_us
  FROM (SELECT node, subject, kill_count, killed_at_us, last_killed_at_us FROM (killed)) AS k
   ANY LEFT JOIN (SELECT node, argMax(cluster, shipped_at_us) AS cluster, argMax(zone, shipped_at_us) AS zone, argMax(pool, shipped_at_us) AS pool
                    FROM node FINAL
                   WHERE {of_node}
                   GROUP BY node) AS n USING (node)
 GROUP BY cluster, zone, pool
 ORDER BY kills DESC, cluster, zone, pool;
