-- Cgroups at one instant
-- SPDX-License-Identifier: Apache-2.0
-- Every cgroup in the last full scan of the window: `report now` is how things are, `report now --since 2026-11-22
-- --until 2026-11-23T03:12` how they were then. Where the samples of that scan are gone: averages of the last whole hour
-- before the end, `measured` says so, and at_us is when that hour began. `live` shows these numbers.
-- limit: the one in force then, the smallest of the cgroup's own, its ancestors' and the machine's memory.
-- used_pct, held_pct: usage and held memory as shares of it; of a pod what the pod and its containers have together. An inner
-- cgroup's sample is what it has beyond those below it: NULL.
-- growth: of usage, against the last full scan that is five minutes or more before. Of an hour: against the hour before.
-- psi_some_pct, psi_full_pct: the share of the time since the full scan before in which some or every task waited for memory.
-- refaulted_bytes: page cache read again in that time. Of an hour: in that hour.
-- oom_kills: in the window, also those of the same container before it was restarted: of the same name in the same pod, or path.
-- last_reclaim: in the window. cooldown_until: as far as the last reclaim tells it; NULL: there is none then.
-- Most important first: cgroup, usage_bytes, held_bytes, limit_bytes, held_pct, growth_bytes_per_second, oom_kills, reclaimable_cache_bytes, psi_some_pct, last_reclaim_at_us
WITH
last AS MATERIALIZED (SELECT * FROM (window_last)),
moment AS MATERIALIZED (  -- end_us: what was decided before then was in force
  SELECT one.scan_id, one.at_us, one.measured,
         one.at_us + iif(one.scan_id IS NULL, 3600000000, 0) AS end_us,
         (SELECT started_at_us FROM scan
           WHERE started_at_us < one.at_us AND is_partial IS NOT 1 AND one.scan_id IS NOT NULL
           ORDER BY started_at_us DESC LIMIT 1) AS before_at_us,
         grown.scan_id AS grown_scan_id, grown.started_at_us AS grown_from_us
    FROM (SELECT scan_id, at_us, measured FROM last LIMIT 1) one
    LEFT JOIN scan grown ON grown.scan_id = (SELECT scan_id FROM scan
                                              WHERE started_at_us <= one.at_us - 300000000 AND is_partial IS NOT 1
                                                AND one.scan_id IS NOT NULL
                                              ORDER BY started_at_us DESC LIMIT 1)
),
pod AS (  -- with all that is charged to it
  SELECT max(iif(c.kind = 'pod', c.cgroup_id, NULL)) AS cgroup_id, sum(l.usage_kib) AS usage_kib, sum(l.held_kib) AS held_kib
    FROM last l
    JOIN cgroup c USING (cgroup_id)
   WHERE c.kind IN ('pod', 'container') AND c.pod_uid IS NOT NULL
   GROUP BY c.pod_uid
  HAVING max(c.kind = 'pod')
),
known AS (  -- what is known of a cgroup, in several rows: to join them, SQLite would seek each in all the others
  SELECT cgroup_id, 1 AS is_there, usage_kib, held_kib, reclaimable_cache_kib, anon_kib, shmem_kib, NULL AS pod_usage_kib,
         NULL AS pod_held_kib, NULL AS psi_some_us, NULL AS psi_full_us, NULL AS refault_file, NULL AS reclaim_at_us
    FROM last
   UNION ALL
  SELECT cgroup_id, 0, NULL, NULL, NULL, NULL, NULL, usage_kib, held_kib, NULL, NULL, NULL, NULL FROM pod
   UNION ALL  -- a partial scan counts a part of the time between two full ones
  SELECT s.cgroup_id, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, s.psi_some_us, s.psi_full_us, s.refault_file, NULL
    FROM moment
   CROSS JOIN scan sc
   CROSS JOIN sample s
   WHERE sc.started_at_us > moment.before_at_us AND sc.started_at_us <= moment.at_us AND s.scan_id = sc.scan_id
   UNION ALL
  SELECT h.cgroup_id, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, h.psi_some_us, h.psi_full_us, h.refault_file, NULL
    FROM moment
   CROSS JOIN sample_hour h
   WHERE moment.scan_id IS NULL AND h.hour_at_us = moment.at_us
   UNION ALL
  SELECT cgroup_id, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, started_at_us
    FROM reclaim
   WHERE started_at_us >= :since_us AND started_at_us < :until_us AND outcome <> 'dry_run'
),
gathered AS (
  SELECT cgroup_id, max(usage_kib) AS usage_kib, max(held_kib) AS held_kib, max(reclaimable_cache_kib) AS reclaimable_cache_kib,
         max(anon_kib) AS anon_kib, max(shmem_kib) AS shmem_kib, max(pod_usage_kib) AS pod_usage_kib,
         max(pod_held_kib) AS pod_held_kib, sum(psi_some_us) AS psi_some_us, sum(psi_full_us) AS psi_full_us,
         sum(refault_file) AS refault_file, max(reclaim_at_us) AS reclaim_at_us
    FROM known
   GROUP BY cgroup_id
  HAVING max(is_there)
),
killed AS MATERIALIZED (
  SELECT iif(c.container IS NOT NULL AND c.pod_uid IS NOT NULL, c.pod_uid || '/' || c.container, c.path) AS whose,
         CAST(total(o.kill_count) AS INTEGER) AS kills
    FROM oom_kill o
    JOIN cgroup c USING (cgroup_id)
   WHERE o.killed_at_us >= :since_us AND o.killed_at_us < :until_us
   GROUP BY whose
),
told AS MATERIALIZED (
  SELECT g.*, m.at_us, m.measured, m.at_us - m.before_at_us AS counted_us,
         CASE WHEN m.scan_id IS NULL  -- an hour is compared with the hour before, a scan with a scan
              THEN (g.usage_kib - (SELECT h.usage_avg_kib FROM sample_hour h
                                    WHERE h.hour_at_us = m.at_us - 3600000000 AND h.cgroup_id = g.cgroup_id)) * 1024 / 3600.0
              ELSE (g.usage_kib - (SELECT s.usage_kib FROM sample s
                                    WHERE s.scan_id = m.grown_scan_id AND s.cgroup_id = g.cgroup_id))
                   * 1024 * 1000000.0 / (m.at_us - m.grown_from_us) END AS growth_bytes_per_second,
         (SELECT e.effective_limit_bytes FROM cgroup_limit e
           WHERE e.cgroup_id = g.cgroup_id AND e.changed_at_us <= m.end_us
           ORDER BY e.changed_at_us DESC LIMIT 1) AS limit_bytes
    FROM gathered g, moment m
)
SELECT c.name AS cgroup,
       c.kind,
       t.usage_kib * 1024 AS usage_bytes,
       t.held_kib * 1024 AS held_bytes,
       t.reclaimable_cache_kib * 1024 AS reclaimable_cache_bytes,
       t.anon_kib * 1024 AS anon_bytes,
       t.shmem_kib * 1024 AS shmem_bytes,
       t.limit_bytes,
       iif(c.kind IS 'inner', NULL, 100.0 * ifnull(t.pod_usage_kib, t.usage_kib) * 1024 / nullif(t.limit_bytes, 0)) AS used_pct,
       iif(c.kind IS 'inner', NULL, 100.0 * ifnull(t.pod_held_kib, t.held_kib) * 1024 / nullif(t.limit_bytes, 0)) AS held_pct,
       t.growth_bytes_per_second,
       100.0 * t.psi_some_us / ifnull(t.counted_us, 3600000000) AS psi_some_pct,
       100.0 * t.psi_full_us / ifnull(t.counted_us, 3600000000) AS psi_full_pct,
       t.refault_file * ifnull((SELECT CAST(value AS INTEGER) FROM node WHERE key = 'page_size_bytes'), 4096)
         AS refaulted_bytes,
       ifnull(k.kills, 0) AS oom_kills,
       t.reclaim_at_us AS last_reclaim_at_us,
       (SELECT d.until_us FROM cooldown d
         WHERE d.cgroup_id = t.cgroup_id AND d.last_reclaim_at_us < :until_us AND d.until_us > :until_us) AS cooldown_until_at_us,
       c.workload, c.namespace, c.pod, c.container,
       t.at_us,
       t.measured,
       c.path
  FROM told t
  JOIN v_cgroup c USING (cgroup_id)
  LEFT JOIN killed k ON k.whose = iif(c.container IS NOT NULL AND c.pod_uid IS NOT NULL, c.pod_uid || '/' || c.container, c.path)
 WHERE c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob
 ORDER BY t.usage_kib DESC, c.path;
