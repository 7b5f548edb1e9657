-- Stuck, and not killed
-- SPDX-License-Identifier: Apache-2.0
-- Workloads whose tasks made next to no progress for want of memory, on any node, as in reports/stuck_by_workload.sql.
-- Most important first: workload, why, times, nodes, lasted_us, last_at_us
SELECT subject AS workload, why, times, lasted_us, first_at_us, last_at_us, usage_max_bytes, nodes
  FROM (SELECT assumeNotNull(coalesce(workload, name, '(not known)')) AS subject,
               if(kind = 'memory_high', 'throttled at memory.high', 'out of memory, OOM killer disabled') AS why,
               count() AS times,
               sum(last_seen_at_us - began_at_us) AS lasted_us,
               min(began_at_us) AS first_at_us,
               max(last_seen_at_us) AS last_at_us,
               max(usage_bytes) AS usage_max_bytes,
               uniqExact(node) AS nodes
          FROM (was_stuck)
         GROUP BY subject, why)
 ORDER BY lasted_us DESC, workload, why;
