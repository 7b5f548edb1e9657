-- Cgroups with a history
-- SPDX-License-Identifier: Apache-2.0
-- The paths that `history` can show: of the matching cgroups those with a sample in the window.
SELECT DISTINCT c.path
  FROM v_cgroup c
 WHERE (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
   AND EXISTS (SELECT 1
                 FROM scan sc
                CROSS JOIN sample s
                WHERE sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
                  AND s.scan_id = sc.scan_id AND s.cgroup_id = c.cgroup_id)
 ORDER BY c.path;
