-- Where `live` can go from one point in time
-- SPDX-License-Identifier: Apache-2.0
-- One row. An instant is a full scan with samples, or the end of an hour in sample_hour whose last scans have none left: what
-- `report now` tells. The instants before and after :at_us, and the OOM kills and reclaims before and after it, with
-- the path of the cgroup. oldest_at_us: the first sample, or where the oldest hour begins, if no sample of it is left. NULL: there
-- is none. :kill_id: which of the kills at :at_us one is at, because several may have been at the same time; 0: none.
WITH RECURSIVE
back (scan_id) AS (  -- the last scan before that has samples; of partial ones the one before, and so on
  SELECT (SELECT max(s.scan_id) FROM sample s
           WHERE s.scan_id < ifnull((SELECT scan_id FROM scan WHERE started_at_us >= :at_us ORDER BY started_at_us LIMIT 1),
                                    9223372036854775807))
   UNION ALL
  SELECT (SELECT max(s.scan_id) FROM sample s WHERE s.scan_id < back.scan_id)
    FROM back
   WHERE (SELECT is_partial FROM scan WHERE scan_id = back.scan_id) IS 1
),
forth (scan_id) AS (
  SELECT (SELECT min(s.scan_id) FROM sample s
           WHERE s.scan_id > ifnull((SELECT scan_id FROM scan WHERE started_at_us <= :at_us ORDER BY started_at_us DESC LIMIT 1),
                                    -9223372036854775807))
   UNION ALL
  SELECT (SELECT min(s.scan_id) FROM sample s WHERE s.scan_id > forth.scan_id)
    FROM forth
   WHERE (SELECT is_partial FROM scan WHERE scan_id = forth.scan_id) IS 1
),
sampled AS MATERIALIZED (
  SELECT (SELECT started_at_us FROM scan WHERE scan_id IN (SELECT scan_id FROM back) AND is_partial IS NOT 1) AS before_us,
         (SELECT started_at_us FROM scan WHERE scan_id IN (SELECT scan_id FROM forth) AND is_partial IS NOT 1) AS after_us
),
scanned AS MATERIALIZED (
  SELECT (SELECT started_at_us FROM scan WHERE started_at_us < :at_us AND is_partial IS NOT 1
           ORDER BY started_at_us DESC LIMIT 1) AS before_us,
         (SELECT started_at_us FROM scan WHERE started_at_us > :at_us AND is_partial IS NOT 1
           ORDER BY started_at_us LIMIT 1) AS after_us
),
hour AS MATERIALIZED (  -- by their ends; has_scans: else the scans are gone like the samples
  SELECT *,
         EXISTS (SELECT 1 FROM scan
                  WHERE started_at_us >= before_us - 3600000000 AND started_at_us < before_us) AS before_has_scans,
         EXISTS (SELECT 1 FROM scan
                  WHERE started_at_us >= after_us - 3600000000 AND started_at_us < after_us) AS after_has_scans
    FROM (SELECT (SELECT max(hour_at_us) + 3600000000 FROM sample_hour
                   WHERE hour_at_us < :at_us - 3600000000) AS before_us,
                 (SELECT min(hour_at_us) + 3600000000 FROM sample_hour
                   WHERE hour_at_us > :at_us - 3600000000) AS after_us)
),
kill_before AS MATERIALIZED (
  SELECT o.oom_kill_id, o.killed_at_us, c.path, coalesce(c.name, o.victim_path, o.dropped_from) AS name
    FROM oom_kill o LEFT JOIN v_cgroup c USING (cgroup_id)
   WHERE (o.killed_at_us, o.oom_kill_id) < (:at_us, :kill_id) ORDER BY o.killed_at_us DESC, o.oom_kill_id DESC LIMIT 1
),
kill_after AS MATERIALIZED (
  SELECT o.oom_kill_id, o.killed_at_us, c.path, coalesce(c.name, o.victim_path, o.dropped_from) AS name
    FROM oom_kill o LEFT JOIN v_cgroup c USING (cgroup_id)
   WHERE (o.killed_at_us, o.oom_kill_id) > (:at_us, iif(:kill_id > 0, :kill_id, 9223372036854775807))
   ORDER BY o.killed_at_us, o.oom_kill_id LIMIT 1
),
reclaim_before AS MATERIALIZED (
  SELECT r.started_at_us, c.path, c.name
    FROM reclaim r LEFT JOIN v_cgroup c USING (cgroup_id)
   WHERE r.started_at_us < :at_us AND r.outcome <> 'dry_run' ORDER BY r.started_at_us DESC LIMIT 1
),
reclaim_after AS MATERIALIZED (
  SELECT r.started_at_us, c.path, c.name
    FROM reclaim r LEFT JOIN v_cgroup c USING (cgroup_id)
   WHERE r.started_at_us > :at_us AND r.outcome <> 'dry_run' ORDER BY r.started_at_us LIMIT 1
)
SELECT CASE WHEN sampled.before_us IS NULL THEN hour.before_us
            WHEN (scanned.before_us > sampled.before_us OR NOT before_has_scans) AND hour.before_us > sampled.before_us
            THEN hour.before_us
            ELSE sampled.before_us END AS before_at_us,
       CASE WHEN sampled.after_us IS NULL THEN iif(scanned.after_us < hour.after_us OR NOT after_has_scans, hour.after_us, NULL)
            WHEN (scanned.after_us < sampled.after_us OR NOT after_has_scans) AND hour.after_us < sampled.after_us
            THEN hour.after_us
            ELSE sampled.after_us END AS after_at_us,
       CASE WHEN first_hour.at_us IS NULL OR first_sample.at_us < first_hour.at_us + 3600000000
            THEN first_sample.at_us ELSE first_hour.at_us END AS oldest_at_us,
       (SELECT oom_kill_id FROM kill_before) AS kill_before_id,
       (SELECT killed_at_us FROM kill_before) AS kill_before_at_us,
       (SELECT path FROM kill_before) AS kill_before_path,
       (SELECT name FROM kill_before) AS kill_before_name,
       (SELECT oom_kill_id FROM kill_after) AS kill_after_id,
       (SELECT killed_at_us FROM kill_after) AS kill_after_at_us,
       (SELECT path FROM kill_after) AS kill_after_path,
       (SELECT name FROM kill_after) AS kill_after_name,
       (SELECT started_at_us FROM reclaim_before) AS reclaim_before_at_us,
       (SELECT path FROM reclaim_before) AS reclaim_before_path,
       (SELECT name FROM reclaim_before) AS reclaim_before_name,
       (SELECT started_at_us FROM reclaim_after) AS reclaim_after_at_us,
       (SELECT path FROM reclaim_after) AS reclaim_after_path,
       (SELECT name FROM reclaim_after) AS reclaim_after_name
  FROM sampled, scanned, hour,
       (SELECT (SELECT started_at_us FROM scan WHERE scan_id = (SELECT min(scan_id) FROM sample)) AS at_us) AS first_sample,
       (SELECT min(hour_at_us) AS at_us FROM sample_hour) AS first_hour;
