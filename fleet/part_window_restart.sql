-- How often each workload was restarted in the window
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of window_restart in brackets. It is the sum of what each node
-- says: reports/part_restart.sql and part_replica.sql have the rules. So a workload's first cgroup on a node is no restart.
SELECT coalesce(workload, name) AS workload,
       countIf(first_seen_at_us >= {since_us} AND first_seen_at_us < {until_us}
               AND first_seen_at_us > first_at_us AND first_seen_at_us > begun_at_us
               AND (coalesce(first_seen_by, 'made') IN ('made', 'told')
                    OR (ifNull(first_seen_by, '') = 'found' AND ended_at_us < first_seen_at_us))) AS restarts
  FROM (SELECT node, history_id, workload, name, path, first_seen_at_us, first_seen_by, begun_at_us, ended_at_us
          FROM (SELECT node, history_id, workload, name, path, first_seen_at_us, first_seen_by,
                       coalesce(workload, path) AS subject
                  FROM cgroup FINAL
                 WHERE match(node, {node_glob}) AND (pod_uid IS NULL OR container IS NOT NULL)
                   AND ifNull(kind, '') NOT IN ('inner', 'pod')
                   AND (match(path, {workload_glob}) OR match(name, {workload_glob}) OR match(ifNull(workload, ''), {workload_glob}))) AS c
           ANY LEFT JOIN (SELECT node, history_id, coalesce(workload, path) AS subject, min(first_seen_at_us) AS begun_at_us,
                                 min(if(vanished_at_us IS NULL OR ifNull(vanished_by, '') = 'hidden',
                                        toInt64(9223372036854775807), assumeNotNull(vanished_at_us))) AS ended_at_us
                            FROM cgroup FINAL
                           WHERE match(node, {node_glob})
                           GROUP BY node, history_id, subject) AS b USING (node, history_id, subject)) AS cb
   ANY LEFT JOIN (SELECT node, history_id, min(first_seen_at_us) AS first_at_us
                    FROM cgroup FINAL
                   WHERE match(node, {node_glob})
                   GROUP BY node, history_id) AS n USING (node, history_id)
 GROUP BY workload
