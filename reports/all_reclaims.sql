-- Reclaims one by one
-- SPDX-License-Identifier: Apache-2.0
-- Each reclaim in the window, oldest first, in short. `last_reclaims` shows more of the last hundred. A dry
-- run frees nothing; would_take_bytes is what it would have asked for.
SELECT r.started_at_us,
       c.name AS cgroup,
       replace(r.outcome, '_', ' ') AS outcome,
       CASE WHEN r.outcome <> 'dry_run' THEN r.freed_bytes END AS freed_bytes,
       CASE WHEN r.outcome = 'dry_run' THEN r.requested_bytes END AS would_take_bytes,
       r.verdict,
       c.path
  FROM (told_reclaim) r
  JOIN v_cgroup c USING (cgroup_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 ORDER BY r.started_at_us, r.reclaim_id;
