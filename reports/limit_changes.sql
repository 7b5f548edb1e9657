-- Changed limits
-- SPDX-License-Identifier: Apache-2.0
-- Limits that changed while a cgroup lived; its first limit is no change. NULL: no limit. The effective
-- limit is the smallest of the cgroup's own, its ancestors' and the machine's memory.
-- Most important first: changed_at_us, cgroup, effective_limit_before_bytes, effective_limit_bytes
WITH change AS (
  SELECT l.*,
         row_number() OVER history AS number,
         lag(limit_bytes) OVER history AS limit_before_bytes,
         lag(effective_limit_bytes) OVER history AS effective_limit_before_bytes
    FROM cgroup_limit l
  WINDOW history AS (PARTITION BY cgroup_id ORDER BY changed_at_us)
)
SELECT l.changed_at_us,
       c.name AS cgroup,
       l.limit_before_bytes,
       l.limit_bytes,
       l.effective_limit_before_bytes,
       l.effective_limit_bytes,
       l.high_bytes,
       c.path
  FROM change l
  JOIN v_cgroup c USING (cgroup_id)
 WHERE l.number > 1
   AND l.changed_at_us >= :since_us AND l.changed_at_us < :until_us
   AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 ORDER BY l.changed_at_us DESC, c.path;
