-- Slowest reclaims (top ten)
-- SPDX-License-Identifier: Apache-2.0
-- The reclaims that took the longest.
-- Most important first: cgroup, duration_us, started_at_us, freed_bytes, outcome
SELECT c.name AS cgroup,
       r.started_at_us,
       r.duration_us,
       r.freed_bytes,
       replace(r.outcome, '_', ' ') AS outcome,
       r.method,
       c.path
  FROM reclaim r
  JOIN v_cgroup c USING (cgroup_id)
 WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   AND r.outcome <> 'dry_run' AND r.duration_us IS NOT NULL
 ORDER BY r.duration_us DESC, r.started_at_us
 LIMIT 10;
