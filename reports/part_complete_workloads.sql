-- Workloads to complete
-- SPDX-License-Identifier: Apache-2.0
-- For the completions of shells (`complete workloads`): the newest workloads.
SELECT workload AS word
  FROM v_cgroup
 WHERE workload IS NOT NULL
 GROUP BY workload
 ORDER BY max(cgroup_id) DESC
 LIMIT 200;
