-- What became of reclaims
-- SPDX-License-Identifier: Apache-2.0
-- One row for each workload, those that did not help first: its restarts and replicas are added up. Where no
-- workload is known: for each path. `path` is that of the newest cgroup. Dry runs are left out. `watched`: reclaims for which it is known how much was
-- read back. `refaulted_bytes`: how much that was; the percentage is of what these reclaims freed.
-- `stayed_free_bytes`: what was still free at the end of the observation. `churn`: it was not worth what was
-- read back. `futile`: almost nothing was freed. `unknown`: the observation was too short, or the kernel can't tell
-- what was read back. `held`: the memory that stayed free, times how long, during the observation. A
-- reclaim without a recorded effect is counted in `reclaims` only.
-- Most important first: workload, freed_bytes, stayed_free_bytes, refaulted_bytes, reclaims, churn, effective, futile
WITH asked AS MATERIALIZED (  -- numbers are grouped faster than names
  SELECT cgroup_id, min(cgroup_id) OVER (PARTITION BY coalesce(workload, path)) AS subject
    FROM v_cgroup
   WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob OR workload GLOB :cgroup_glob
),
made AS (
  SELECT r.*, a.subject
    FROM (told_reclaim) r
   CROSS JOIN asked a
   WHERE a.cgroup_id = r.cgroup_id AND r.started_at_us >= :since_us AND r.started_at_us < :until_us
     AND r.outcome <> 'dry_run'
),
by_subject AS (
  SELECT subject,
         max(cgroup_id) AS newest_cgroup_id,
         count(*) AS reclaims,
         count(read_back_bytes) AS watched,
         count(*) FILTER (WHERE verdict = 'effective') AS effective,
         count(*) FILTER (WHERE verdict = 'churn') AS churn,
         count(*) FILTER (WHERE verdict = 'futile') AS futile,
         count(*) FILTER (WHERE verdict = 'failed') AS failed,
         count(*) FILTER (WHERE verdict = 'unknown') AS unknown,
         sum(freed_bytes) AS freed_bytes,
         sum(freed_bytes) FILTER (WHERE read_back_bytes IS NOT NULL) AS watched_freed_bytes,
         sum(read_back_bytes) AS refaulted_bytes,
         sum(stayed_free_bytes) AS stayed_free_bytes,
         sum(held_byte_seconds) AS held_byte_seconds,
         sum(max(swap_after_bytes - swap_before_bytes, 0)) AS swapped_out_bytes
    FROM made
   GROUP BY subject
)
SELECT coalesce(c.workload, c.name) AS workload,
       b.reclaims, b.watched, b.effective, b.churn, b.futile, b.failed, b.unknown,
       b.freed_bytes,
       b.refaulted_bytes,
       100.0 * b.refaulted_bytes / nullif(b.watched_freed_bytes, 0) AS refaulted_pct,
       b.stayed_free_bytes,
       b.held_byte_seconds,
       b.swapped_out_bytes,
       c.path
  FROM by_subject b
  JOIN v_cgroup c ON c.cgroup_id = b.newest_cgroup_id
 ORDER BY b.churn + b.futile DESC, b.freed_bytes DESC, c.path;
