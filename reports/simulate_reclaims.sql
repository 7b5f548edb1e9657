-- What was really reclaimed, and what became of it, for a simulation
-- SPDX-License-Identifier: Apache-2.0
-- known_at_us: when its observation had ended.
SELECT r.cgroup_id, r.started_at_us,
       r.started_at_us + ifnull(r.duration_us, 0) + ifnull(r.observed_for_us, 0) AS known_at_us,
       r.requested_bytes, r.freed_bytes, r.read_back_bytes, r.regrown_bytes, r.held_byte_seconds,
       ifnull(r.observed_for_us, 0) AS observed_for_us
  FROM (told_reclaim) r
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us AND r.outcome <> 'dry_run' AND r.freed_bytes IS NOT NULL
 ORDER BY r.started_at_us;
