-- Nodes that stand out
-- SPDX-License-Identifier: Apache-2.0
-- Nodes on which something was counted far more often than on the others: more than the upper quarter of the nodes by three times
-- the spread of the middle half, twice the median or more, and five times or more. Counted in the window, on each node that has a scan
-- on record in it: OOM kills, reclaims that churned or failed, stuck cgroups, crashes and faults of the service.
-- typical: the median of all nodes. upper: three quarters of the nodes have that many at most.
-- Most important first: node, what, times, typical, upper, zone, pool
SELECT one.2 AS node, what, one.1 AS times, typical, upper, one.3 AS cluster, one.4 AS zone, one.5 AS pool, nodes
  FROM (SELECT what, typical, upper, nodes, most, arrayJoin(arrayFilter(x -> x.1 >= 5 AND x.1 >= 2 * typical, each_node)) AS one
          FROM (SELECT pair.1 AS what, groupArray((pair.2, node, cluster, zone, pool)) AS each_node, count() AS nodes,
                       quantileExact(0.5)(pair.2) AS typical, quantileExact(0.75)(pair.2) AS upper,
                       4 * quantileExact(0.75)(pair.2) - 3 * quantileExact(0.25)(pair.2) AS most
                  FROM (SELECT node, cluster, zone, pool,
                               arrayJoin([('OOM kills', kills), ('reclaims that churned', churn), ('reclaims that failed', failed),
                                          ('stuck cgroups', stuck_times), ('crashes of the service', crashes),
                                          ('faults', faults)]) AS pair
                          FROM (counts_of_node))
                 GROUP BY what
                HAVING count() > 2))
 WHERE one.1 > most
 ORDER BY times / if(typical > 0, typical, 1) DESC, what, node;
