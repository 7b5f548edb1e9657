-- Reclaims one by one (the last hundred)
-- SPDX-License-Identifier: Apache-2.0
-- What each reclaim did, why it ended, and its effect. stalled_pct: the share of its time in which some
-- task of the cgroup waited for memory. Refaulted: what was read back, where that is known. A verdict
-- without an end of the observation is preliminary.
-- would_take_bytes: what a dry run would have asked for.
-- Most important first: started_at_us, cgroup, outcome, freed_bytes, would_take_bytes, verdict, refaulted_bytes
SELECT r.started_at_us,
       c.name AS cgroup,
       replace(r.outcome, '_', ' ')
         || CASE WHEN r.outcome = 'partial' THEN coalesce(' (' || replace(r.stopped_by, '_', ' ') || ')', '')
                 ELSE '' END AS outcome,
       r.duration_us,
       round(100.0 * r.psi_some_us / nullif(r.duration_us, 0), 1) AS stalled_pct,
       CASE WHEN r.outcome <> 'dry_run' THEN r.freed_bytes END AS freed_bytes,
       CASE WHEN r.outcome = 'dry_run' THEN r.requested_bytes END AS would_take_bytes,
       r.read_back_bytes AS refaulted_bytes,
       r.verdict || CASE WHEN r.ended_by IS NULL THEN ' so far' ELSE '' END AS verdict,
       c.path
  FROM (told_reclaim) r
  JOIN v_cgroup c USING (cgroup_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 ORDER BY r.started_at_us DESC, r.reclaim_id DESC
 LIMIT 100;
