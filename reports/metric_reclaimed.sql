-- What reclaims freed, and what was read again
-- SPDX-License-Identifier: Apache-2.0
-- metric freed_bytes counter cgmm_reclaim_freed_bytes: Memory that reclaims freed.
-- metric read_back_bytes counter cgmm_reclaim_read_back_bytes: Memory that reclaims freed and that was read again while they were observed, where the kernel tells.
-- metric held_byte_seconds counter cgmm_reclaim_held_byte_seconds: Memory that reclaims freed and that stayed free, times how long, while they were observed.
-- metric seconds counter cgmm_reclaim_seconds: How long reclaims took in the kernel.
SELECT namespace, workload, container, qos,
       sum(amount) FILTER (WHERE total = 'reclaim_freed_bytes') AS freed_bytes,
       sum(amount) FILTER (WHERE total = 'reclaim_read_back_bytes') AS read_back_bytes,
       sum(amount) FILTER (WHERE total = 'reclaim_held_byte_seconds') AS held_byte_seconds,
       sum(amount) FILTER (WHERE total = 'reclaim_us') / 1e6 AS seconds
  FROM (metric_total)
 WHERE total GLOB 'reclaim_*'
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4;
