-- Nodes
-- SPDX-License-Identifier: Apache-2.0
-- Each history with what is known of its node and of the service there: those that were seen last come last. Coverage, gaps, scans:
-- as in reports/coverage.sql. lost_samples, lost_rows: what retention took before it was shipped.
-- Most important first: node, last_at_us, covered_pct, gaps, faults, crashes, lost_samples, version
SELECT node, history_id, cluster, zone, pool, kernel, version, hierarchy, first_at_us, last_at_us,
       scans, interval_us,
       100 - 100 * missed_us / if(begin_us < {until_us}, {until_us} - begin_us, NULL) AS covered_pct,
       gaps, longest_gap_us, starts, crashes, faults, lost_samples, lost_rows, clock_difference_us, shipped_at_us
  FROM (SELECT *
          FROM (SELECT * FROM node FINAL WHERE match(node, {node_glob})) AS n
           ANY LEFT JOIN (SELECT node, history_id, scans, begin_us, missed_us, gaps, longest_gap_us FROM (coverage)) AS c
           USING (node, history_id)) AS nc
   ANY LEFT JOIN (SELECT node, history_id, countIf(kind = 'start') AS starts, countIf(kind = 'crash_found') AS crashes,
                         countIf(kind = 'fault_begin') AS faults
                    FROM service_event FINAL
                   WHERE at_us >= {since_us} AND at_us < {until_us} AND match(node, {node_glob})
                   GROUP BY node, history_id) AS e USING (node, history_id)
 ORDER BY last_at_us, node, history_id;
