-- Who shared what had run out at an OOM kill
-- SPDX-License-Identifier: Apache-2.0
-- Where the limit of a cgroup above the victim's was hit, what was below it; where the node's memory ran out,
-- everything watched: in the last scan of all before the kill, the largest first. cgroups_below is how many
-- there were.
WITH kill AS (
  SELECT * FROM oom_kill WHERE oom_kill_id = :oom_kill_id AND cause IN ('ancestor_limit', 'node')
)
SELECT c.name AS cgroup,
       s.usage_kib * 1024 AS usage_bytes,
       s.anon_kib * 1024 AS anon_bytes,
       s.cgroup_id = kill.cgroup_id AS is_victim,
       count(*) OVER () AS cgroups_below,
       c.path
  FROM kill
 CROSS JOIN sample s
 CROSS JOIN v_cgroup c
 WHERE s.scan_id = (SELECT scan_id FROM scan WHERE started_at_us <= kill.killed_at_us AND is_partial IS NOT 1
                     ORDER BY started_at_us DESC LIMIT 1)
   AND c.cgroup_id = s.cgroup_id
   AND (kill.cause = 'node' OR kill.limit_path = '/'
        OR substr(c.path, 1, length(kill.limit_path) + 1) = kill.limit_path || '/')
 ORDER BY s.usage_kib DESC, c.path
 LIMIT 6;
