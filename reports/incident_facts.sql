-- What else is known of one OOM kill
-- SPDX-License-Identifier: Apache-2.0
-- One row: the cgroup (own_limit_bytes NULL although own_limit_is_known: it has none), whether samples of it in
-- the half hour before the kill have been deleted since, the sample where the growth before the kill began, the node, and how often it
-- happened before; other_kills_in_pod where the container's name is not known. Kills outside the tracked cgroups count as the same workload if the victim's cgroup is
-- the same.
WITH kill AS (
  SELECT o.*, c.path, c.workload, c.first_seen_at_us
    FROM oom_kill o
    LEFT JOIN cgroup c USING (cgroup_id)
   WHERE o.oom_kill_id = :oom_kill_id
),
grew_from AS (
  SELECT s.*
    FROM kill
   CROSS JOIN scan sc
   CROSS JOIN sample s
   WHERE sc.started_at_us = kill.grew_from_at_us AND s.scan_id = sc.scan_id AND s.cgroup_id = kill.cgroup_id
   LIMIT 1
),
same AS (
  SELECT o.killed_at_us, o.kill_count
    FROM kill
   CROSS JOIN oom_kill o
   WHERE o.oom_kill_id <> kill.oom_kill_id
     AND CASE WHEN kill.workload IS NOT NULL
              THEN o.cgroup_id IN (SELECT cgroup_id FROM cgroup WHERE workload = kill.workload)
              WHEN kill.cgroup_id IS NOT NULL THEN o.cgroup_id = kill.cgroup_id
              ELSE o.cgroup_id IS NULL AND o.victim_path IS kill.victim_path
                   AND o.dropped_from IS kill.dropped_from
                   AND coalesce(kill.victim_path, kill.dropped_from) IS NOT NULL END
),
-- Around the first start after the kill, or between the two scans that the counter tells of: from the stop
-- on, from the last scan on where it had crashed.
start AS (
  SELECT e.at_us AS to_at_us, e.service_event_id,
         EXISTS (SELECT 1 FROM service_event c
                  WHERE c.kind = 'crash_found' AND c.at_us = e.at_us) AS had_crashed
    FROM kill
    JOIN service_event e
      ON e.kind = 'start' AND e.at_us > iif(kill.source = 'counter', kill.earliest_at_us, kill.killed_at_us)
   ORDER BY e.at_us, e.service_event_id LIMIT 1
),
not_running AS (
  SELECT to_at_us, had_crashed,
         iif(had_crashed,
             (SELECT max(sc.started_at_us) FROM scan sc WHERE sc.started_at_us < to_at_us),
             (SELECT max(e.at_us) FROM service_event e
               WHERE e.kind = 'stop' AND e.at_us <= to_at_us AND e.service_event_id < start.service_event_id))
           AS from_at_us
    FROM start
),
down AS (
  SELECT not_running.* FROM kill JOIN not_running
   WHERE from_at_us <= kill.killed_at_us AND (kill.source <> 'counter' OR to_at_us <= kill.killed_at_us)
     AND NOT EXISTS (SELECT 1 FROM scan sc
                      WHERE sc.started_at_us > from_at_us AND sc.started_at_us < to_at_us)
)
SELECT kill.first_seen_at_us,
       (SELECT min(sc.started_at_us) FROM scan sc) AS history_begins_at_us,
       (SELECT max(sc.started_at_us) FROM scan sc) AS history_ends_at_us,
       (SELECT effective_limit_bytes FROM cgroup_limit l
         WHERE l.cgroup_id = kill.cgroup_id AND l.changed_at_us <= kill.killed_at_us
         ORDER BY l.changed_at_us DESC LIMIT 1) AS effective_limit_bytes,
       own.limit_bytes AS own_limit_bytes,
       own.cgroup_id IS NOT NULL AS own_limit_is_known,
       EXISTS (SELECT 1 FROM scan sc
                WHERE sc.started_at_us >= max(kill.first_seen_at_us, kill.killed_at_us - 1800000000)
                  AND sc.started_at_us < kill.killed_at_us AND sc.is_partial IS NOT 1 AND sc.cgroup_count > 0
                  AND NOT EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = sc.scan_id)) AS samples_are_gone,
       (SELECT anon_kib * 1024 FROM grew_from) AS grew_from_anon_bytes,
       (SELECT shmem_kib * 1024 FROM grew_from) AS grew_from_shmem_bytes,
       (SELECT kernel_kib * 1024 FROM grew_from) AS grew_from_kernel_bytes,
       (SELECT from_at_us FROM down) AS not_running_from_at_us,
       (SELECT to_at_us FROM down) AS not_running_to_at_us,
       (SELECT had_crashed FROM down) AS had_crashed,
       (SELECT value FROM node WHERE key = 'kernel_log') AS kernel_log,
       (SELECT value FROM node WHERE key = 'node') AS node,
       (SELECT value FROM node WHERE key = 'memory_bytes') AS memory_bytes,
       (SELECT CAST(total(kill_count) AS INTEGER) FROM same WHERE killed_at_us <= kill.killed_at_us) AS earlier_kills,
       (SELECT CAST(total(kill_count) AS INTEGER) FROM same
         WHERE killed_at_us BETWEEN kill.killed_at_us - 7 * 86400000000 AND kill.killed_at_us) AS earlier_kills_in_7_days,
       (SELECT CAST(total(kill_count) AS INTEGER) FROM same WHERE killed_at_us > kill.killed_at_us) AS later_kills,
       (SELECT CAST(total(o.kill_count) AS INTEGER)
          FROM cgroup victim
          JOIN cgroup other ON other.pod_uid = victim.pod_uid
          JOIN oom_kill o ON o.cgroup_id = other.cgroup_id
         WHERE victim.cgroup_id = kill.cgroup_id AND victim.container_id IS NOT NULL AND victim.container IS NULL
           AND o.oom_kill_id <> kill.oom_kill_id) AS other_kills_in_pod,
       (SELECT value FROM node WHERE key = 'page_size_bytes') AS page_size_bytes
  FROM kill
  LEFT JOIN cgroup_limit own ON own.cgroup_id = kill.cgroup_id
       AND own.changed_at_us = (SELECT max(changed_at_us) FROM cgroup_limit l
                                 WHERE l.cgroup_id = kill.cgroup_id AND l.changed_at_us <= kill.killed_at_us);
