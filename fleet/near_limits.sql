-- Workloads near their limits
-- SPDX-License-Identifier: Apache-2.0
-- Workloads of which a cgroup held 80 % of its own limit or more in a whole hour of the window, on any node, the fullest first.
-- What is held can't be dropped. peak: at most that much was held, as reports/limits.sql says of hours: the highest anonymous, shared
-- and kernel memory of the hour together, or the highest usage if that is less or one of them is not known. The limit is the newest
-- one of the cgroup with that peak. near_hours: hours of its cgroups in which 90 % may have been held.
-- Most important first: workload, peak_pct, peak_bytes, limit_bytes, near_hours, oom_kills, nodes, cgroups
SELECT subject AS workload, peak_pct, peak_bytes, limit_bytes, peak_hour_us AS peak_at_us, near_hours, cgroups, nodes, oom_kills, peak_node
  FROM (SELECT subject, top.1 AS peak_pct, top.2 * 1024 AS peak_bytes, top.3 AS limit_bytes, top.4 AS peak_hour_us, top.5 AS peak_node,
               near_hours, cgroups, nodes
          FROM (SELECT subject,
                       arraySort(groupArray((each_pct, held_kib, limit_bytes, peak_hour_us, node)))[-1] AS top,
                       sum(hours_near) AS near_hours, countIf(each_pct >= 80) AS cgroups, uniqExactIf(node, each_pct >= 80) AS nodes
                  FROM (SELECT node, subject, limit_bytes, peak.1 AS held_kib, peak.2 AS peak_hour_us,
                               100 * held_kib * 1024 / limit_bytes AS each_pct,
                               arrayCount(x -> x * 1024 >= 0.9 * limit_bytes, each_kib) AS hours_near
                          FROM (SELECT node, subject, limit_bytes, arraySort(pairs)[-1] AS peak, arrayMap(x -> x.1, pairs) AS each_kib
                                  FROM (SELECT node, history_id, cgroup_id, subject, assumeNotNull(limit_bytes) AS limit_bytes
                                          FROM (SELECT node, history_id, cgroup_id, assumeNotNull(coalesce(workload, name)) AS subject
                                                  FROM cgroup FINAL
                                                 WHERE first_seen_at_us < {until_us} AND ifNull(vanished_at_us, {until_us}) >= {since_us}
                                                   AND {of_node} AND ifNull(kind, '') <> 'inner'
                                                   AND {of_workload}) AS c
                                           ANY LEFT JOIN (SELECT node, history_id, cgroup_id, limit_bytes FROM (limit_last)) AS l
                                           USING (node, history_id, cgroup_id)
                                         WHERE ifNull(limit_bytes, 0) > 0) AS cl
                                   ANY LEFT JOIN (SELECT node, history_id, cgroup_id,
                                                         groupArray((assumeNotNull(held_most_kib), hour_at_us)) AS pairs
                                                    FROM (hour)
                                                   WHERE held_most_kib IS NOT NULL
                                                   GROUP BY node, history_id, cgroup_id) AS h USING (node, history_id, cgroup_id)
                                 WHERE notEmpty(pairs)))
                 GROUP BY subject)
         WHERE peak_pct >= 80) AS near
   ANY LEFT JOIN (SELECT subject, sum(kill_count) AS oom_kills FROM (killed) GROUP BY subject) AS k USING (subject)
 ORDER BY peak_pct DESC, workload;
