-- Cooldowns and what is stuck now
-- SPDX-License-Identifier: Apache-2.0
-- metric cooldown_until gauge cgmm_cooldown_until_timestamp_seconds: The workload is not reclaimed before this time, since 1970; of its cgroups the latest.
-- metric strikes gauge cgmm_cooldown_strikes: Reclaims in a row that did not help; of the workload's cgroups the most.
-- metric stuck gauge cgmm_stuck_cgroups: Cgroups that are stuck now: throttled at memory.high, or out of memory with the OOM killer disabled.
SELECT l.namespace, l.workload, l.container, l.qos,
       max(d.until_us) / 1e6 AS cooldown_until,
       max(d.strikes) AS strikes,
       nullif(count(s.cgroup_id), 0) AS stuck
  FROM cgroup c
  JOIN v_metric_label l USING (cgroup_id)
  LEFT JOIN cooldown d USING (cgroup_id)
  LEFT JOIN (SELECT DISTINCT cgroup_id FROM stuck WHERE ended_by IS NULL) s USING (cgroup_id)
 WHERE c.vanished_at_us IS NULL AND (d.cgroup_id IS NOT NULL OR s.cgroup_id IS NOT NULL)
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4;
