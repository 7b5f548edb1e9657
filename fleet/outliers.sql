-- Nodes that stand out
-- SPDX-License-Identifier: Apache-2.0
-- Nodes on which something was counted far more often than on the others: more than the upper quarter of the nodes by three times
-- the spread of the middle half, twice the median or more, and five times or more. Counted in the window, on each node that has a scan
-- on record in it: OOM kills, reclaims that churned or failed, stuck cgroups, crashes and faults of the service.
-- typical: the median of all nodes. upper: three quarters of the nodes have that many at most.
-- Most important first: node, what, times, typical, upper, zone, pool
SELECT node, what, times, typical, upper, cluster, zone, pool, nodes
  FROM (SELECT what, node, cluster, zone, pool, times, typical, lower, upper, nodes
          FROM (SELECT pair.1 AS what, pair.2 AS times, node, cluster, zone, pool
                  FROM (SELECT node, cluster, zone, pool,
                               arrayJoin([('OOM kills', kills), ('reclaims that churned', churn), ('reclaims that failed', failed),
                                          ('stuck cgroups', stuck_times), ('crashes of the service', crashes),
                                          ('faults', faults)]) AS pair
                          FROM (counts_of_node))) AS each_one
           ANY LEFT JOIN (SELECT what, quantileExact(0.25)(times) AS lower, quantileExact(0.5)(times) AS typical,
                                 quantileExact(0.75)(times) AS upper, count() AS nodes
                            FROM (SELECT pair.1 AS what, pair.2 AS times
                                    FROM (SELECT arrayJoin([('OOM kills', kills), ('reclaims that churned', churn),
                                                            ('reclaims that failed', failed), ('stuck cgroups', stuck_times),
                                                            ('crashes of the service', crashes), ('faults', faults)]) AS pair
                                            FROM (counts_of_node)))
                           GROUP BY what) AS of_all USING (what))
 WHERE times >= 5 AND times >= 2 * typical AND times > upper + 3 * (upper - lower) AND nodes > 2
 ORDER BY times / if(typical > 0, typical, 1) DESC, what, node;
