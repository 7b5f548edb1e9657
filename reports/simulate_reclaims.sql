-- What was really reclaimed, and what became of it, for a simulation
-- SPDX-License-Identifier: Apache-2.0
SELECT r.cgroup_id, r.started_at_us,
       r.started_at_us + ifnull(r.duration_us, 0) + ifnull(e.observed_for_us, 0) AS known_at_us,
       r.requested_bytes, r.freed_bytes, e.refaulted_bytes, e.regrown_bytes, e.held_byte_seconds,
       ifnull(e.observed_for_us, 0) AS observed_for_us
  FROM reclaim r
  LEFT JOIN reclaim_effect e USING (reclaim_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us AND r.outcome <> 'dry_run' AND r.freed_bytes IS NOT NULL
 ORDER BY r.started_at_us;
