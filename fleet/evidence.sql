-- What the advice rests on
-- SPDX-License-Identifier: Apache-2.0
-- One row for each workload, of the reclaims on all nodes with a verdict at the threshold of the latest one, as in
-- reports/evidence.sql: `fleet report` bases its advice on these numbers. Two differ: cache wanted comes from reclaims and whole hours,
-- not from samples; window is the time that scans cover on a node where the workload was reclaimed, the average of these nodes.
-- Most important first: workload, threshold_bytes, cache_wanted_bytes, churn, effective, futile, freed_bytes, refaulted_bytes, nodes
SELECT label.2 AS workload, effective, churn, futile, regrown, all_freed_bytes AS freed_bytes, all_refaulted_bytes AS refaulted_bytes,
       if(churn + futile > 0, if(ifNull(before_bytes, -1) > ifNull(hour_bytes, -1), before_bytes, hour_bytes), NULL) AS cache_wanted_bytes,
       latest_threshold AS threshold_bytes, newest_limit_bytes AS effective_limit_bytes, all_held AS held_byte_seconds, reclaiming_us,
       toInt64(covered_us) AS window_us, if(label.3 = '', NULL, label.3) AS known_workload, label.4 AS path, nodes
  FROM (SELECT *
          FROM (SELECT *
                  FROM (SELECT subject, latest_threshold, label, before_bytes,
                               countIf(ifNull(verdict, '') = 'effective') AS effective,
                               countIf(ifNull(verdict, '') = 'churn') AS churn,
                               countIf(ifNull(verdict, '') = 'futile') AS futile,
                               sum(mostly_regrown) AS regrown,
                               sum(multiIf(read_back_bytes IS NULL, NULL, freed_bytes)) AS all_freed_bytes,
                               sum(read_back_bytes) AS all_refaulted_bytes,
                               sum(held_byte_seconds) AS all_held,
                               sum(duration_us) AS reclaiming_us,
                               avg(covered_each_us) AS covered_us,
                               uniqExact(node) AS nodes,
                               argMax(limit_each_bytes, (started_at_us, reclaim_id)) AS newest_limit_bytes
                          FROM (SELECT *
                                  FROM (SELECT *
                                          FROM (SELECT node, history_id, reclaim_id, cgroup_id, started_at_us, assumeNotNull(coalesce(workload, path)) AS subject,
                                                       verdict, mostly_regrown, read_back_bytes, freed_bytes, held_byte_seconds, duration_us,
                                                       threshold_bytes
                                                  FROM (told_reclaim)
                                                 WHERE ifNull(verdict, '') = 'futile' OR read_back_bytes IS NOT NULL OR mostly_regrown = 1) AS r
                                           ANY LEFT JOIN (SELECT assumeNotNull(coalesce(workload, path)) AS subject,
                                                                 argMax(threshold_bytes, (started_at_us, node, reclaim_id)) AS latest_threshold,
                                                                 max((started_at_us, assumeNotNull(coalesce(workload, name)), ifNull(workload, ''), assumeNotNull(path))) AS label,
                                                                 max(if(file_before_bytes > ifNull(shmem_before_bytes, 0),
                                                                        file_before_bytes - ifNull(shmem_before_bytes, 0),
                                                                        if(file_before_bytes IS NULL, NULL, 0))) AS before_bytes
                                                            FROM (told_reclaim)
                                                           GROUP BY subject) AS t USING (subject)
                                         WHERE threshold_bytes = latest_threshold) AS rt
                                   ANY LEFT JOIN (SELECT node, history_id, if(begin_us < end_us, end_us - begin_us, 0) - missed_us AS covered_each_us
                                                    FROM (coverage)) AS c USING (node, history_id)) AS rtc
                           ANY LEFT JOIN (SELECT node, history_id, cgroup_id, effective_limit_bytes AS limit_each_bytes FROM (limit_last)) AS l
                           USING (node, history_id, cgroup_id)
                         GROUP BY subject, latest_threshold, label, before_bytes) AS judged
                   ANY LEFT JOIN (SELECT subject, max(is_worth) AS is_worth_it
                                    FROM (SELECT subject,
                                                 multiIf(NOT is_container, 1, is_named,
                                                         ifNull(vanished_at_us, if(is_running = 1, {until_us}, last_us)) > {until_us} - 86400000000,
                                                         vanished_at_us IS NULL AND is_running = 1) AS is_worth
                                            FROM (SELECT node, history_id, assumeNotNull(coalesce(workload, path)) AS subject, vanished_at_us,
                                                         container_id IS NOT NULL OR pod_uid IS NOT NULL AS is_container,
                                                         coalesce(container, pod) IS NOT NULL AS is_named
                                                    FROM cgroup FINAL
                                                   WHERE match(node, {node_glob})) AS cg
                                             ANY LEFT JOIN (SELECT node, history_id, is_running, last_us FROM (seen_history)) AS sh
                                             USING (node, history_id))
                                   GROUP BY subject) AS w USING (subject)
                 WHERE is_worth_it = 1) AS jw
           ANY LEFT JOIN (SELECT subject, 1024 * max(most_kib) AS hour_bytes
                            FROM (SELECT node, history_id, cgroup_id, assumeNotNull(coalesce(workload, path)) AS subject
                                    FROM cgroup FINAL WHERE match(node, {node_glob})) AS cg
                             ANY LEFT JOIN (SELECT node, history_id, cgroup_id, max(cache_most_kib) AS most_kib FROM (hour)
                                             GROUP BY node, history_id, cgroup_id) AS h USING (node, history_id, cgroup_id)
                           GROUP BY subject) AS hj USING (subject))
 ORDER BY churn + futile DESC, freed_bytes DESC, path;
