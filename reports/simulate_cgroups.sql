-- The cgroups that a simulation is about
-- SPDX-License-Identifier: Apache-2.0
-- is_asked: it matches the glob. The others are there because a rule may exclude them, and with them what is above them.
-- known_workload is what rules go by.
SELECT c.cgroup_id, c.path, c.inode, v.kind, v.container_id IS NOT NULL AS is_container,
       c.workload AS known_workload, coalesce(c.workload, v.name) AS workload,
       max(c.first_seen_at_us, :since_us) AS from_us, min(ifnull(c.vanished_at_us, :until_us), :until_us) AS to_us,
       c.path GLOB :cgroup_glob OR v.name GLOB :cgroup_glob OR ifnull(c.workload GLOB :cgroup_glob, 0) AS is_asked
  FROM cgroup c
  JOIN v_cgroup v USING (cgroup_id)
 WHERE c.first_seen_at_us < :until_us AND ifnull(c.vanished_at_us, :until_us) >= :since_us;
