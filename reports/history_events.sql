-- Kills and reclaims of some cgroups
-- SPDX-License-Identifier: Apache-2.0
-- For `history`: the OOM kills and the reclaims of the matching cgroups, oldest first. `detail`: who was killed and why,
-- or what became of the reclaim. id: of the kill, for `incident show`. Dry runs are left out: they free nothing. A kill of a cgroup that was dropped because
-- there were too many belongs to its workload.
SELECT at_us, what, id, cgroup, kills, freed_bytes, detail, path, workload
  FROM (
    SELECT o.killed_at_us AS at_us, 'OOM kill' AS what, o.oom_kill_id AS id, coalesce(c.name, o.dropped_from) AS cgroup, o.kill_count AS kills,
           NULL AS freed_bytes,
           coalesce(o.victim_comm || coalesce(': ' || replace(o.cause, '_', ' '), ''), replace(o.cause, '_', ' ')) AS detail,
           c.path, coalesce(c.workload, o.dropped_from) AS workload, o.oom_kill_id AS number
      FROM oom_kill o
      LEFT JOIN v_cgroup c USING (cgroup_id)
     WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
       AND (coalesce(c.path, o.dropped_from, '') GLOB :cgroup_glob OR c.name GLOB :cgroup_glob
            OR c.workload GLOB :cgroup_glob)
     UNION ALL
    SELECT r.started_at_us, 'reclaim', NULL, c.name, NULL, r.freed_bytes,
           replace(r.outcome, '_', ' ') || coalesce(', ' || r.verdict, ''), c.path, c.workload, r.reclaim_id
      FROM (told_reclaim) r
      JOIN v_cgroup c USING (cgroup_id)
     WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us AND r.outcome <> 'dry_run'
       AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob))
 ORDER BY at_us, what, number;
