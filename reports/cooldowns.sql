-- Cooldowns
-- SPDX-License-Identifier: Apache-2.0
-- Cgroups that may not be reclaimed yet, and those whose last reclaims did not help (strikes make the
-- cooldown longer), with the share of the idle page cache that the next reclaim takes (policy "idle"). Shows
-- the state at the end of the window, as far as the last reclaim tells it.
-- Most important first: cgroup, remaining_us, strikes, dose_pct
SELECT c.name AS cgroup,
       d.last_reclaim_at_us,
       d.until_us AS until_at_us,
       max(d.until_us - :until_us, 0) AS remaining_us,
       d.strikes,
       d.dose_pct,
       c.first_seen_at,
       c.path
  FROM cooldown d
  JOIN v_cgroup c USING (cgroup_id)
 WHERE (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   AND NOT c.vanished
   AND d.last_reclaim_at_us < :until_us
   AND (d.until_us > :until_us OR d.strikes > 0)
 ORDER BY remaining_us DESC, d.strikes DESC, c.path;
