-- Restarts by workload
-- SPDX-License-Identifier: Apache-2.0
-- The workloads that were restarted in the window, most often first, with their OOM kills beside, as in reports/restarts.sql: sums
-- over all nodes. `running`: at the end of the window, on nodes that were heard of in its last hour. The kills are those of the nodes asked for, whatever the workload asked for.
-- Most important first: workload, restarts, oom_kills, last_began_at_us, running, nodes
SELECT subject AS workload, restarts, oom_kills, running, last_began_at_us, nodes
  FROM (SELECT subject, restarts, running, last_began_at_us, nodes
          FROM (SELECT assumeNotNull(subject) AS subject, restarts FROM (restarted)) AS r
           ANY LEFT JOIN (SELECT subject,
                                 countIf(is_running = 1 AND ifNull(vanished_at_us, {until_us}) >= {until_us}) AS running,
                                 max(first_seen_at_us) AS last_began_at_us,
                                 uniqExact(node) AS nodes
                            FROM (SELECT node, history_id, assumeNotNull(coalesce(workload, name)) AS subject, first_seen_at_us,
                                         vanished_at_us
                                    FROM cgroup FINAL
                                   WHERE first_seen_at_us < {until_us} AND {of_node}) AS each_cgroup
                             ANY LEFT JOIN (SELECT node, history_id, is_running FROM (seen_history)) AS h USING (node, history_id)
                           GROUP BY subject) AS c USING (subject)) AS rc
   ANY LEFT JOIN (SELECT assumeNotNull(coalesce(workload, name)) AS subject, sum(kill_count) AS oom_kills
                    FROM oom_kill FINAL
                   WHERE killed_at_us >= {since_us} AND killed_at_us < {until_us} AND {of_node} AND path IS NOT NULL
                   GROUP BY subject) AS k USING (subject)
 ORDER BY restarts DESC, workload;
