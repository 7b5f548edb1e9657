-- Which cgroups are restarts
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of restart in brackets. A restart is a cgroup that began after
-- another one of its workload (of its path where no workload is known); that may be a new replica, too. It is known to be
-- new if a scan saw that it was made, or if the kernel log or a reclaim told of it. One that a scan found when the service
-- had not looked for a time is new if another one of its workload had ended before: that one was on record, and this one
-- was not. The first cgroups on record may be older and do not count, nor does what can't restart (part_replica.sql).
--
--   at_us  when it began, or when it was found
SELECT c.cgroup_id, c.first_seen_at_us AS at_us
  FROM cgroup c
  JOIN (replica) kind USING (cgroup_id)
  JOIN (SELECT coalesce(workload, path) AS workload, min(first_seen_at_us) AS begun_at_us,
               min(vanished_at_us) FILTER (WHERE vanished_by IS NOT 'hidden') AS ended_at_us
          FROM cgroup
         GROUP BY 1) other
    ON other.workload = coalesce(c.workload, c.path)
 WHERE kind.can_restart
   AND c.first_seen_at_us > (SELECT min(first_seen_at_us) FROM cgroup)
   AND c.first_seen_at_us > other.begun_at_us
   AND (coalesce(c.first_seen_by, 'made') IN ('made', 'told')
        OR (c.first_seen_by = 'found' AND other.ended_at_us < c.first_seen_at_us))
