-- Near misses: within 5 % of the limit (top twenty)
-- SPDX-License-Identifier: Apache-2.0
-- Cgroups that came within 5 % of their limit with memory that can't be dropped (usage less reclaimable
-- cache), and had no kill in the five minutes before or after. The limit is the effective one at that time.
-- `times`: samples less than five minutes apart count as once. Reads every sample in the window: a week of
-- a large node takes a while.
WITH near AS MATERIALIZED (
  SELECT s.cgroup_id, sc.started_at_us AS at_us,
         (s.usage_kib - max(s.file_kib - coalesce(s.shmem_kib, 0), 0)) * 1024 AS held_bytes,
         (SELECT l.effective_limit_bytes FROM cgroup_limit l
           WHERE l.cgroup_id = s.cgroup_id AND l.changed_at_us <= sc.started_at_us
           ORDER BY l.changed_at_us DESC LIMIT 1) AS limit_bytes
    FROM scan sc
    JOIN sample s ON s.scan_id = sc.scan_id
   WHERE sc.started_at_us >= :since_us AND sc.started_at_us < :until_us
     AND +s.cgroup_id IN (SELECT cgroup_id FROM v_cgroup  -- by the key, scan by scan
                           WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob)
     AND held_bytes >= 0.95 * limit_bytes
),
missed AS (
  SELECT *, lag(at_us) OVER (PARTITION BY cgroup_id ORDER BY at_us) AS before_at_us
    FROM near
   WHERE NOT EXISTS (SELECT 1 FROM oom_kill o
                      WHERE o.cgroup_id = near.cgroup_id
                        AND o.killed_at_us BETWEEN near.at_us - 300000000 AND near.at_us + 300000000)
),
peak AS (  -- with one max(), SQLite takes the other columns from the same row
  SELECT cgroup_id, max(1.0 * held_bytes / limit_bytes) AS share, held_bytes, limit_bytes, at_us,
         count(*) AS samples,
         sum(before_at_us IS NULL OR at_us - before_at_us > 300000000) AS times
    FROM missed
   GROUP BY cgroup_id
)
SELECT c.name AS cgroup,
       100.0 * peak.share AS peak_pct,
       peak.held_bytes AS peak_bytes,
       peak.limit_bytes,
       peak.at_us AS peak_at_us,
       peak.times,
       peak.samples,
       c.path
  FROM peak
  JOIN v_cgroup c USING (cgroup_id)
 ORDER BY peak.share DESC, peak.at_us, c.path
 LIMIT 20;
