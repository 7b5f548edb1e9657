-- Earlier OOM kills of the same workload
-- SPDX-License-Identifier: Apache-2.0
-- All of them, the newest first. Compares cgroup.workload, because each restart has another container id; the cgroup
-- itself if the workload is not known.
SELECT o.oom_kill_id AS id,
       o.killed_at_us,
       kill.killed_at_us - o.killed_at_us AS before_us,
       o.victim_comm AS victim,
       o.cause,
       o.kill_count AS kills,
       c.container_id,
       c.path
  FROM (SELECT k.oom_kill_id, k.killed_at_us, k.cgroup_id, k.victim_path, k.dropped_from, h.workload
          FROM oom_kill k LEFT JOIN cgroup h USING (cgroup_id) WHERE k.oom_kill_id = :oom_kill_id) AS kill
 CROSS JOIN oom_kill o
  LEFT JOIN cgroup c ON c.cgroup_id = o.cgroup_id
 WHERE o.oom_kill_id <> kill.oom_kill_id AND o.killed_at_us <= kill.killed_at_us
   AND CASE WHEN kill.workload IS NOT NULL
            THEN o.cgroup_id IN (SELECT cgroup_id FROM cgroup WHERE workload = kill.workload)
            WHEN kill.cgroup_id IS NOT NULL THEN o.cgroup_id = kill.cgroup_id
            ELSE o.cgroup_id IS NULL AND o.victim_path IS kill.victim_path
                 AND o.dropped_from IS kill.dropped_from
                 AND coalesce(kill.victim_path, kill.dropped_from) IS NOT NULL END
 ORDER BY o.killed_at_us DESC, o.oom_kill_id DESC;
