-- What the advice rests on
-- SPDX-License-Identifier: Apache-2.0
-- By cgroup, the judged reclaims at the threshold in force, which is that of its latest reclaim: what
-- happened at another says nothing about this one. `report` advises from these numbers. Dry runs are left
-- out, and so are reclaims that were not watched, or not long enough. Freed and refaulted are of the
-- effective and the churning ones; refaulted is at most what the reclaim had freed. Cache wanted is the
-- most reclaimable cache before one that did not help. A container that is gone is left out, since its path
-- never comes back; a unit that is not running may.
WITH made AS (
  SELECT r.*, c.path, e.verdict, e.refaulted_bytes,
         row_number() OVER (PARTITION BY c.path ORDER BY r.started_at_us DESC, r.reclaim_id DESC) AS back
    FROM reclaim r
    JOIN cgroup c USING (cgroup_id)
    LEFT JOIN reclaim_effect e USING (reclaim_id)
   WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us AND c.path GLOB :cgroup_glob
     AND r.outcome <> 'dry_run'
),
latest AS (
  SELECT path, cgroup_id, threshold_bytes FROM made WHERE back = 1
),
by_path AS (
  SELECT path,
         count(*) FILTER (WHERE verdict = 'effective') AS effective,
         count(*) FILTER (WHERE verdict = 'churn') AS churn,
         count(*) FILTER (WHERE verdict = 'futile') AS futile,
         sum(freed_bytes) FILTER (WHERE verdict <> 'futile') AS freed_bytes,
         sum(min(refaulted_bytes, freed_bytes)) FILTER (WHERE verdict <> 'futile') AS refaulted_bytes,
         max(max(file_before_bytes - coalesce(shmem_before_bytes, 0), 0))
           FILTER (WHERE verdict <> 'effective') AS cache_wanted_bytes,
         latest.cgroup_id,
         latest.threshold_bytes
    FROM latest
    JOIN made USING (path, threshold_bytes)
   WHERE verdict = 'futile' OR (verdict IN ('effective', 'churn') AND refaulted_bytes IS NOT NULL)
   GROUP BY path
)
SELECT c.name AS cgroup,
       b.effective, b.churn, b.futile,
       b.freed_bytes,
       b.refaulted_bytes,
       b.cache_wanted_bytes,
       b.threshold_bytes,
       c.effective_limit_bytes,
       coalesce(d.strikes, 0) AS strikes,
       c.path
  FROM by_path b
  JOIN v_cgroup c USING (cgroup_id)
  LEFT JOIN cooldown d USING (cgroup_id)
 WHERE NOT (c.vanished AND c.container_id IS NOT NULL)
 ORDER BY b.churn + b.futile DESC, b.freed_bytes DESC, c.path;
