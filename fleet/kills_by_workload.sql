-- OOM kills by workload
-- SPDX-License-Identifier: Apache-2.0
-- What is killed again and again, in whatever container, on whatever node, as in reports/kills_by_workload.sql. `nodes`: on how
-- many it was killed.
-- Most important first: workload, kills, nodes, last_at_us, causes, victims
SELECT subject AS workload, kills, containers, first_at_us, last_at_us, causes, victims, restarts, watched, nodes
  FROM (SELECT subject, kills, containers, nodes, first_at_us, last_at_us, causes, watched, victims
          FROM (SELECT subject,
                       sum(kill_count) AS kills,
                       uniqExactIf(node, history_id, ifNull(cgroup_id, 0), cgroup_id IS NOT NULL) AS containers,
                       uniqExact(node) AS nodes,
                       min(killed_at_us) AS first_at_us,
                       max(ifNull(last_killed_at_us, killed_at_us)) AS last_at_us,
                       arrayMap(x -> x.4, arraySort(groupArrayIf((killed_at_us, node, oom_kill_id, ifNull(cause, '')),
                                                                 cause IS NOT NULL))) AS each_cause,
                       if(empty(each_cause), NULL,  -- in the order in which they came first
                          arrayStringConcat(arrayFilter((x, i) -> indexOf(each_cause, x) = i, each_cause,
                                                        arrayEnumerate(each_cause)), ', ')) AS causes,
                       max(cgroup_id IS NOT NULL OR dropped_from IS NOT NULL) AS watched
                  FROM (killed)
                 GROUP BY subject) AS k
           ANY LEFT JOIN (SELECT subject,
                                 arrayMap(x -> x.2, arraySort(groupArray((-victim_kills, victim)))) AS each_victim,
                                 toNullable(concat(arrayStringConcat(arraySlice(each_victim, 1, 3), ', '),
                                                   if(length(each_victim) > 3,
                                                      concat(' and ', toString(length(each_victim) - 3), ' more'), ''))) AS victims
                            FROM (SELECT subject, assumeNotNull(victim_comm) AS victim, sum(kill_count) AS victim_kills
                                    FROM (killed)
                                   WHERE victim_comm IS NOT NULL
                                   GROUP BY subject, victim)
                           GROUP BY subject) AS v USING (subject)) AS kv
   ANY LEFT JOIN (SELECT assumeNotNull(workload) AS subject, toNullable(restarts) AS restarts FROM (window_restart)) AS r USING (subject)
 ORDER BY kills DESC, last_at_us DESC, workload;
