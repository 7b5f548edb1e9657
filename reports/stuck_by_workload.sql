-- Stuck, and not killed
-- SPDX-License-Identifier: Apache-2.0
-- Workloads whose tasks made next to no progress for want of memory: throttled at memory.high (cgroup v2), or out of
-- memory with the OOM killer disabled (cgroup v1). `times` and `lasted`: of all that went on in the window, whole.
-- first_at: when the first of them began. last_at: when the last of them was seen last. `incident` lists each, in the same way.
-- Most important first: workload, why, times, lasted_us, last_at_us, first_at_us
SELECT coalesce(workload, name, '(not known)') AS workload,
       iif(kind = 'memory_high', 'throttled at memory.high', 'out of memory, OOM killer disabled') AS why,
       count(*) AS times,
       sum(lasted_us) AS lasted_us,
       min(began_at_us) AS first_at_us,
       max(last_seen_at_us) AS last_at_us,
       max(usage_bytes) AS usage_max_bytes
  FROM v_stuck
 WHERE began_at_us < :until_us AND coalesce(ended_at_us, last_seen_at_us) >= :since_us
   AND (path GLOB :cgroup_glob OR name GLOB :cgroup_glob OR workload GLOB :cgroup_glob)
 GROUP BY 1, 2
 ORDER BY lasted_us DESC, 1;
