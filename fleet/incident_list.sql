-- OOM kills and stuck cgroups by their number
-- SPDX-License-Identifier: Apache-2.0
-- Incidents of all nodes, newest first, as in reports/incident_list.sql: `fleet incident show NODE/ID` tells all of one.
-- Most important first: node, id, at_us, cgroup, kills, victim, cause
SELECT id, at_us, cgroup, kills, victim, cause, limit_bytes, path, node, history_id
  FROM (
    SELECT toString(oom_kill_id) AS id, killed_at_us AS at_us,
           killed_cgroup AS cgroup,
           toNullable(kill_count) AS kills, victim_comm AS victim, cause, limit_bytes, path, node, oom_kill_id AS number, history_id
      FROM (killed)
     UNION ALL
    SELECT concat('s', toString(stuck_id)), began_at_us, assumeNotNull(coalesce(name, '(not known)')), NULL, NULL,
           toNullable(if(kind = 'memory_high', 'throttled at memory.high', 'out of memory, OOM killer disabled')), limit_bytes, path, node,
           stuck_id, history_id
      FROM (was_stuck))
 ORDER BY at_us DESC, number DESC, node, history_id;
