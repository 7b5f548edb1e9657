-- Cgroups that an OOM kill may have been in
-- SPDX-License-Identifier: Apache-2.0
-- Only of a kill whose cgroup is not known: those whose counter of kills rose at that time. `counted`: by how
-- much, of which `named` are known to be others.
SELECT c.name AS cgroup,
       sum(r.count) AS counted,
       sum(r.named_count) AS named,
       c.path
  FROM v_oom_kill_candidate c
  JOIN oom_kill o USING (oom_kill_id)
  JOIN oom_count r ON r.cgroup_id = c.cgroup_id
       AND r.at_us BETWEEN o.killed_at_us - 5000000 AND o.killed_at_us + 86400000000
       AND r.since_at_us <= o.killed_at_us + 5000000
 WHERE c.oom_kill_id = :oom_kill_id
 GROUP BY c.cgroup_id
 ORDER BY counted - named DESC, c.path
 LIMIT 20;
