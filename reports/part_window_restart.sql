-- How often each workload was restarted in the window
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of window_restart in brackets. A restart is a cgroup that
-- began in the window, and whose workload (or path) was there before; that may be a new replica, too. One that the
-- first scan found, or that nobody saw begin, may be older and does not count. As in history_cgroups.sql. Pods and what
-- else can't restart (part_replica.sql) do not count: a workload of these alone has no row.
SELECT coalesce(c.workload, c.name) AS workload,
       count(*) FILTER (WHERE raw.first_seen_at_us >= :since_us AND raw.first_seen_at_us < :until_us
                          AND coalesce(raw.first_seen_by, 'made') IN ('made', 'told')
                          AND raw.first_seen_at_us > (SELECT min(started_at_us) FROM scan)
                          AND raw.first_seen_at_us > begun.at_us) AS restarts
  FROM v_cgroup c
  JOIN cgroup raw USING (cgroup_id)
  JOIN (replica) kind USING (cgroup_id)
  JOIN (SELECT coalesce(workload, path) AS workload, min(first_seen_at_us) AS at_us FROM cgroup GROUP BY 1) begun
    ON begun.workload = coalesce(raw.workload, raw.path)
 WHERE kind.can_restart
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 GROUP BY 1
