-- Near misses of the last hour
-- SPDX-License-Identifier: Apache-2.0
-- As the report near_misses of that time. Not of a whole day: where page cache fills every limit, that would read all samples of it at
-- each scrape. Those that were stuck instead are in cgmm_stuck_total. None: no sample.
-- metric episodes gauge cgmm_near_misses: Times in the last hour in which a cgroup of the workload came within 5 % of its limit with memory that can't be dropped, and no kill came of it.
SELECT namespace, workload, container, qos, sum(episodes) AS episodes
  FROM (near_miss)
  JOIN v_metric_label USING (cgroup_id)
 WHERE is_stuck = 0
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4;
