-- What happened how often on each node
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of counts_of_node in brackets. A row for each node with a scan in the
-- window, of all of its histories.
SELECT node, cluster, zone, pool, toInt64(kills) AS kills, toInt64(churn) AS churn, toInt64(failed) AS failed,
       toInt64(stuck_times) AS stuck_times, toInt64(crashes) AS crashes, toInt64(faults) AS faults
  FROM (SELECT *
          FROM (SELECT *
                  FROM (SELECT *
                          FROM (SELECT node, argMax(cluster, shipped_at_us) AS cluster, argMax(zone, shipped_at_us) AS zone,
                                       argMax(pool, shipped_at_us) AS pool
                                  FROM (seen_history)
                                 WHERE first_us < {until_us} AND last_us >= {since_us}
                                 GROUP BY node) AS n
                           ANY LEFT JOIN (SELECT node, sum(kill_count) AS kills FROM (killed) GROUP BY node) AS k USING (node)) AS nk
                   ANY LEFT JOIN (SELECT node, countIf(ifNull(verdict, '') = 'churn') AS churn, countIf(outcome = 'failed') AS failed
                                    FROM (told_reclaim)
                                   GROUP BY node) AS r USING (node)) AS nkr
           ANY LEFT JOIN (SELECT node, count() AS stuck_times FROM (was_stuck) GROUP BY node) AS s USING (node)) AS nkrs
   ANY LEFT JOIN (SELECT node, countIf(kind = 'crash_found') AS crashes, countIf(kind = 'fault_begin') AS faults
                    FROM service_event FINAL
                   WHERE at_us >= {since_us} AND at_us < {until_us} AND {of_node}
                   GROUP BY node) AS e USING (node)
