-- OOM kills by workload, and stuck cgroups, of all nodes
-- SPDX-License-Identifier: Apache-2.0
-- The answer of `fleet incident list` for people, as reports/incident_workloads.sql is of `incident list`: the repeated kills of one
-- workload are one row, whatever node they were on, with the number of the latest of them. node and history_id: of that one.
SELECT if(is_stuck = 1, concat('s', toString(newest.1)), toString(newest.1)) AS id, latest_at_us AS last_at_us,
       if(kill_sum > 1, earliest_at_us, NULL) AS first_at_us, called AS cgroup, kill_sum AS kills, node_count AS nodes,
       newest.2 AS victim, if(empty(causes), NULL, toNullable(arrayStringConcat(causes, ', '))) AS cause,
       newest.3 AS limit_bytes, newest.4 AS path, outside AS is_outside, newest.5 AS node, newest.6 AS history_id
  FROM (
    SELECT toInt64(0) AS is_stuck, outside, subject AS called, toInt64(uniqExact(node)) AS node_count,
           argMax((oom_kill_id, victim_comm, limit_bytes, path, node, history_id), (killed_at_us, oom_kill_id, node, history_id)) AS newest,
           max(ended_at_us) AS latest_at_us, toNullable(min(killed_at_us)) AS earliest_at_us, toNullable(sum(kill_count)) AS kill_sum,
           arraySort(groupUniqArrayIf(known_cause, known_cause <> '')) AS causes
      FROM (SELECT node, history_id, oom_kill_id, killed_at_us, ifNull(last_killed_at_us, killed_at_us) AS ended_at_us, kill_count,
                   victim_comm, ifNull(cause, '') AS known_cause, limit_bytes, path, subject,
                   toInt64(isNull(path) AND isNull(dropped_from) AND ifNull(candidate_count, 0) = 0) AS outside,
                   if(isNull(path) AND ifNull(candidate_count, 0) > 0, concat(node, '/', history_id, '/', toString(oom_kill_id)), '')
                     AS stands_alone
              FROM (killed))
     GROUP BY outside, subject, stands_alone
     UNION ALL
    SELECT toInt64(1), toInt64(0), assumeNotNull(coalesce(workload, name, '(not known)')), toInt64(1),
           (stuck_id, CAST(NULL AS Nullable(String)), limit_bytes, path, node, history_id), last_seen_at_us, toNullable(began_at_us),
           CAST(NULL AS Nullable(Int64)),
           [if(kind = 'memory_high', 'throttled at memory.high', 'out of memory, OOM killer disabled')]
      FROM (was_stuck))
 ORDER BY last_at_us DESC, newest.1 DESC, node, history_id;
