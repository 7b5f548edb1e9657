-- What the advice rests on
-- SPDX-License-Identifier: Apache-2.0
-- One row for each workload, of the reclaims on all nodes with a verdict at the threshold of the latest one, as in
-- reports/evidence.sql: `fleet report` bases its advice on these numbers. Two differ: cache wanted comes from reclaims and whole hours,
-- not from samples; window is the time that scans cover on a node where the workload was reclaimed, the average of these nodes.
-- Most important first: workload, threshold_bytes, cache_wanted_bytes, churn, effective, futile, freed_bytes, refaulted_bytes, nodes
-- 18.16 takes no alias that is the name of a column in an aggregate: so each_* and all_*.
SELECT called AS workload, effective, churn, futile, regrown, all_freed AS freed_bytes, all_refaulted AS refaulted_bytes,
       if(churn + futile > 0, if(ifNull(before_bytes, -1) > ifNull(hour_bytes, -1), before_bytes, hour_bytes), NULL) AS cache_wanted_bytes,
       threshold AS threshold_bytes, limit_bytes AS effective_limit_bytes, all_held AS held_byte_seconds, reclaiming_us,
       toInt64(covered_us) AS window_us, if(known = '', NULL, known) AS known_workload, newest_path AS path, nodes
  FROM (SELECT *
          FROM (SELECT *
                  FROM (SELECT subject, before_bytes, best.17 AS called, best.18 AS known, best.19 AS newest_path, best.2 AS effective, best.3 AS churn, best.4 AS futile, best.5 AS regrown,
                               best.6 AS all_freed, best.7 AS all_refaulted, best.8 AS all_held, best.9 AS reclaiming_us,
                               best.10 AS covered_us, best.11 AS nodes, best.12 AS threshold,
                               best.13 AS node, best.14 AS history_id, best.15 AS cgroup_id
                          FROM (SELECT subject, max(each_before_bytes) AS before_bytes,
                                       arraySort(groupArray((each_latest, each_effective, each_churn, each_futile, each_regrown, each_freed,
                                                             each_refaulted, each_held, each_us, each_covered_us, each_nodes, threshold_bytes,
                                                             each_node, each_history, each_cgroup, each_judged, each_called,
                                                             each_known, each_path)))[-1] AS best
                                  FROM (SELECT subject, threshold_bytes,
                                               max(latest) AS each_latest, argMax(called, latest) AS each_called,
                                               argMax(known, latest) AS each_known, argMax(assumeNotNull(path), latest) AS each_path,
                                               argMaxIf(node, latest, is_judged) AS each_node, argMaxIf(history_id, latest, is_judged) AS each_history,
                                               argMaxIf(cgroup_id, latest, is_judged) AS each_cgroup,
                                               max(if(file_before_bytes > ifNull(shmem_before_bytes, 0),
                                                      file_before_bytes - ifNull(shmem_before_bytes, 0),
                                                      if(file_before_bytes IS NULL, NULL, 0))) AS each_before_bytes,
                                               countIf(is_judged) AS each_judged,
                                               countIf(is_judged AND judged = 'effective') AS each_effective,
                                               countIf(is_judged AND judged = 'churn') AS each_churn,
                                               countIf(is_judged AND judged = 'futile') AS each_futile,
                                               sumIf(mostly_regrown, is_judged) AS each_regrown,
                                               sum(if(read_back_bytes IS NULL, NULL, freed_bytes)) AS each_freed,
                                               sum(read_back_bytes) AS each_refaulted,
                                               sum(if(is_judged, held_byte_seconds, NULL)) AS each_held,
                                               sum(if(is_judged, duration_us, NULL)) AS each_us,
                                               avgIf(covered_each_us, is_judged) AS each_covered_us,
                                               uniqExactIf(node, is_judged) AS each_nodes
                                          FROM (SELECT *
                                                  FROM (SELECT node, history_id, cgroup_id,
                                                               -- the node decides between two of the same microsecond
                                                               started_at_us * 4096 + toInt64(cityHash64(node, reclaim_id) % 4096) AS latest,
                                                               assumeNotNull(coalesce(workload, path)) AS subject,
                                                               assumeNotNull(coalesce(workload, name)) AS called, ifNull(workload, '') AS known,
                                                               path, threshold_bytes, ifNull(verdict, '') AS judged, mostly_regrown,
                                                               judged = 'futile' OR read_back_bytes IS NOT NULL OR mostly_regrown = 1 AS is_judged,
                                                               read_back_bytes, freed_bytes, held_byte_seconds, duration_us,
                                                               file_before_bytes, shmem_before_bytes
                                                          FROM (told_reclaim)) AS r
                                                   ANY LEFT JOIN (SELECT node, history_id,
                                                                         if(begin_us < end_us, end_us - begin_us, 0) - missed_us AS covered_each_us
                                                                    FROM (coverage)) AS c USING (node, history_id))
                                         GROUP BY subject, threshold_bytes)
                                 GROUP BY subject)
                         WHERE best.16 > 0) AS judged_subject
                   ANY LEFT JOIN (SELECT node, history_id, cgroup_id, effective_limit_bytes AS limit_bytes FROM (limit_last)) AS l
                   USING (node, history_id, cgroup_id)) AS jl
           ANY LEFT JOIN (SELECT subject, max(is_worth) AS is_worth_it, 1024 * max(most_kib) AS hour_bytes
                            FROM (SELECT subject, most_kib,
                                         multiIf(NOT is_container, 1, is_named,
                                                 ifNull(vanished_at_us, if(is_running = 1, {until_us}, last_us)) > {until_us} - 86400000000,
                                                 vanished_at_us IS NULL AND is_running = 1) AS is_worth
                                    FROM (SELECT *
                                            FROM (SELECT node, history_id, cgroup_id, assumeNotNull(coalesce(workload, path)) AS subject,
                                                         vanished_at_us, container_id IS NOT NULL OR pod_uid IS NOT NULL AS is_container,
                                                         coalesce(container, pod) IS NOT NULL AS is_named
                                                    FROM cgroup FINAL
                                                   WHERE {of_node}) AS cg
                                             ANY LEFT JOIN (SELECT node, history_id, is_running, last_us FROM (seen_history)) AS sh
                                             USING (node, history_id)) AS cs
                                     ANY LEFT JOIN (SELECT node, history_id, cgroup_id, max(cache_most_kib) AS most_kib FROM (hour)
                                                     GROUP BY node, history_id, cgroup_id) AS h USING (node, history_id, cgroup_id))
                           GROUP BY subject) AS w USING (subject)
         WHERE is_worth_it = 1)
 ORDER BY churn + futile DESC, freed_bytes DESC, path;
