-- What the advice rests on
-- SPDX-License-Identifier: Apache-2.0
-- One row for each workload (for a cgroup's path where no workload is known), of the reclaims with a verdict at the
-- current threshold, which is that of the latest reclaim: results at another threshold say nothing about this one.
-- `report` bases its advice on these numbers. Dry runs are left out, and so are reclaims that were not observed for
-- long enough. Freed and refaulted: of the reclaims for which it is known how much was read back. Held and
-- reclaiming: of all reclaims in the row. Cache wanted: the most reclaimable cache that one of its cgroups had in the
-- window, where a reclaim did not help: before a reclaim, in a sample, and where a whole hour answers
-- (part_window_part.sql) in that hour. Shared memory is part of an hour's file cache. It is taken off only where it
-- was the same all the time; else there was at most that much. Regrown: the kernel can't tell what was read back, and
-- at least half of what was freed has grown again. That may be new data, so it is not churn, but it did not stay free
-- either. Window: the time in the window that scans cover, from the first scan or reclaim on record. Left out: a
-- workload of which nothing has run for a day; a container without a known name that is gone, because its path never
-- comes back. A unit may come back.
-- Most important first: workload, threshold_bytes, cache_wanted_bytes, churn, effective, futile, freed_bytes, refaulted_bytes
WITH subject AS MATERIALIZED (  -- what restarts and replicas of one workload have in common
  SELECT cgroup_id, coalesce(workload, path) AS subject, container_id IS NOT NULL OR pod_uid IS NOT NULL AS is_container,
         coalesce(container, pod) IS NOT NULL AS is_named, coalesce(vanished_at_us, :until_us) AS seen_until_us,
         vanished_at_us IS NOT NULL AS is_gone
    FROM cgroup
),
latest AS MATERIALIZED (  -- with max(), SQLite takes the other columns from the same row
  SELECT s.subject, r.cgroup_id, r.threshold_bytes, max(r.reclaim_id) AS reclaim_id
    FROM json_each((SELECT grouped('max', cgroup_id, reclaim_id)
                      FROM reclaim
                     WHERE started_at_us >= :since_us AND started_at_us < :until_us AND outcome <> 'dry_run')) one
    JOIN reclaim r ON r.reclaim_id = json_extract(one.value, '$[1]')
    JOIN v_cgroup c USING (cgroup_id)
    JOIN subject s USING (cgroup_id)
   WHERE c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob
   GROUP BY s.subject
),
asked AS MATERIALIZED (  -- each cgroup, with the latest reclaim of its subject
  SELECT s.cgroup_id, latest.reclaim_id AS latest_id, latest.threshold_bytes
    FROM latest
    JOIN subject s USING (subject)
),
judged AS (  -- CROSS JOIN keeps this order: each reclaim is read once
  SELECT a.latest_id, r.freed_bytes, r.verdict, r.read_back_bytes, r.mostly_regrown, r.held_byte_seconds, r.duration_us
    FROM (told_reclaim) r
   CROSS JOIN asked a
   WHERE a.cgroup_id = r.cgroup_id AND r.threshold_bytes = a.threshold_bytes
     AND r.started_at_us >= :since_us AND r.started_at_us < :until_us AND r.outcome <> 'dry_run'
     AND (r.verdict = 'futile' OR r.read_back_bytes IS NOT NULL OR r.mostly_regrown)
),
by_latest AS (
  SELECT latest_id,
         count(*) FILTER (WHERE verdict = 'effective') AS effective,
         count(*) FILTER (WHERE verdict = 'churn') AS churn,
         count(*) FILTER (WHERE verdict = 'futile') AS futile,
         sum(mostly_regrown) AS regrown,
         sum(freed_bytes) FILTER (WHERE read_back_bytes IS NOT NULL) AS freed_bytes,
         sum(read_back_bytes) AS refaulted_bytes,
         sum(held_byte_seconds) AS held_byte_seconds,
         sum(duration_us) AS reclaiming_us
    FROM judged
   GROUP BY latest_id
),
by_subject AS MATERIALIZED (
  SELECT b.*, latest.subject, latest.cgroup_id, latest.threshold_bytes
    FROM by_latest b
    JOIN latest ON latest.reclaim_id = b.latest_id
),
part AS MATERIALIZED (SELECT * FROM (window_part)),
living AS (  -- an hour to spare: the clock may have been set back
  SELECT s.subject, c.cgroup_id, c.first_seen_at_us - 3600000000 AS from_us,
         ifnull(c.vanished_at_us + 3600000000, 9223372036854775807) AS to_us
    FROM by_subject b
    JOIN subject s USING (subject)
    JOIN cgroup c ON c.cgroup_id = s.cgroup_id
   WHERE b.churn + b.futile > 0
),
cache AS (  -- of each cgroup
  SELECT subject,
         (SELECT max(max(file_before_bytes - coalesce(shmem_before_bytes, 0), 0))
            FROM reclaim r
           WHERE r.cgroup_id = living.cgroup_id
             AND r.started_at_us >= :since_us AND r.started_at_us < :until_us) AS before_bytes,
         (SELECT max(s.reclaimable_cache_kib)
            FROM part
           CROSS JOIN scan sc
           CROSS JOIN sample s
           WHERE NOT part.is_hour
             AND sc.started_at_us >= max(part.from_us, living.from_us)
             AND sc.started_at_us < min(part.to_us, living.to_us)
             AND s.scan_id = sc.scan_id AND s.cgroup_id = living.cgroup_id) AS sample_kib,
         (SELECT max(CASE WHEN h.shmem_avg_kib IS NULL
                          THEN coalesce(min(h.file_max_kib, h.inactive_file_max_kib + h.active_file_max_kib), h.file_max_kib)
                          ELSE h.file_max_kib - iif(h.shmem_avg_kib = h.shmem_max_kib, h.shmem_avg_kib, 0) END)
            FROM part
           CROSS JOIN sample_hour h
           WHERE part.is_hour AND part.to_us > living.from_us AND part.from_us < living.to_us
             AND h.hour_at_us = part.from_us AND h.cgroup_id = living.cgroup_id) AS hour_kib
    FROM living
),
wanted AS MATERIALIZED (
  SELECT subject,
         nullif(max(max(ifnull(before_bytes, -1), ifnull(sample_kib * 1024, -1), ifnull(hour_kib * 1024, -1))), -1) AS bytes
    FROM cache
   GROUP BY subject
)
SELECT coalesce(c.workload, c.name) AS workload,
       b.effective, b.churn, b.futile, b.regrown,
       b.freed_bytes,
       b.refaulted_bytes,
       w.bytes AS cache_wanted_bytes,
       b.threshold_bytes,
       c.effective_limit_bytes,
       b.held_byte_seconds,
       b.reclaiming_us,
       :until_us - max(:since_us, (SELECT min(at_us) FROM (SELECT min(started_at_us) AS at_us FROM scan
                                                            UNION ALL
                                                           SELECT min(started_at_us) FROM reclaim)))
         - (SELECT ifnull(sum(min(to_at_us, :until_us) - max(due_at_us, :since_us)), 0) FROM (gap)) AS window_us,
       c.workload AS known_workload,
       c.path
  FROM by_subject b
  JOIN v_cgroup c USING (cgroup_id)
  LEFT JOIN wanted w ON w.subject = b.subject
 WHERE EXISTS (SELECT 1 FROM subject s
                WHERE s.subject = b.subject
                  AND CASE WHEN NOT s.is_container THEN 1
                           WHEN s.is_named THEN s.seen_until_us > :until_us - 86400000000
                           ELSE NOT s.is_gone END)
 ORDER BY b.churn + b.futile DESC, b.freed_bytes DESC, c.path;
