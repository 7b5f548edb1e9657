-- What the advice rests on
-- SPDX-License-Identifier: Apache-2.0
-- One row for each cgroup, of the reclaims with a verdict at the current threshold, which is that of the
-- latest reclaim: results at another threshold say nothing about this one. `report` bases its advice on
-- these numbers. Dry runs are left out, and so are reclaims that were not observed for long enough. Freed
-- and refaulted: of the reclaims for which it is known how much was read back.
-- Cache wanted: the most reclaimable cache before a reclaim that did not help. Regrown: the kernel can't
-- tell what was read back, and at least half of what was freed has grown again. That may be new data, so it
-- is not churn, but it did not stay free either. A container that is gone is left out, because its path
-- never comes back; a unit that is not running may come back.
WITH latest AS MATERIALIZED (  -- by path; with max(), SQLite takes the other columns from the same row
  SELECT c.path, r.cgroup_id, r.threshold_bytes, max(r.reclaim_id) AS reclaim_id
    FROM reclaim r
    JOIN v_cgroup c USING (cgroup_id)
   WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us
     AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
     AND r.outcome <> 'dry_run'
   GROUP BY c.path
),
judged AS (
  SELECT latest.path, latest.cgroup_id, latest.threshold_bytes,
         r.freed_bytes, r.file_before_bytes, r.shmem_before_bytes, r.verdict, r.read_back_bytes, r.mostly_regrown
    FROM latest
    JOIN cgroup c USING (path)
    JOIN (told_reclaim) r ON r.cgroup_id = c.cgroup_id AND r.threshold_bytes = latest.threshold_bytes
   WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us AND r.outcome <> 'dry_run'
     AND (r.verdict = 'futile' OR r.read_back_bytes IS NOT NULL OR r.mostly_regrown)
),
by_path AS (
  SELECT path,
         count(*) FILTER (WHERE verdict = 'effective') AS effective,
         count(*) FILTER (WHERE verdict = 'churn') AS churn,
         count(*) FILTER (WHERE verdict = 'futile') AS futile,
         sum(mostly_regrown) AS regrown,
         sum(freed_bytes) FILTER (WHERE read_back_bytes IS NOT NULL) AS freed_bytes,
         sum(read_back_bytes) AS refaulted_bytes,
         max(max(file_before_bytes - coalesce(shmem_before_bytes, 0), 0))
           FILTER (WHERE verdict IN ('churn', 'futile')) AS cache_wanted_bytes,
         cgroup_id, threshold_bytes
    FROM judged
   GROUP BY path
)
SELECT c.name AS cgroup,
       b.effective, b.churn, b.futile, b.regrown,
       b.freed_bytes,
       b.refaulted_bytes,
       b.cache_wanted_bytes,
       b.threshold_bytes,
       c.effective_limit_bytes,
       c.path
  FROM by_path b
  JOIN v_cgroup c USING (cgroup_id)
 WHERE NOT (c.vanished AND c.container_id IS NOT NULL)
 ORDER BY b.churn + b.futile DESC, b.freed_bytes DESC, c.path;
