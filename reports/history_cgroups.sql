-- Cgroups with a history
-- SPDX-License-Identifier: Apache-2.0
-- Of the matching cgroups those that `history` can show: with a sample in the window, or with an hour that answers for
-- samples that are gone (is_measured), and those
-- that began in it. began_at_us: NULL where the first scan that could see it may have come later. is_restart: it is a
-- restart in the window (part_restart.sql); began_at_us is NULL if a scan only found it. replica: part_replica.sql.
-- is_running: it is in the last whole scan of the window; NULL where that scan has no samples left. limit_bytes: the last
-- one in the window.
WITH RECURSIVE
last AS MATERIALIZED (
  SELECT scan_id, EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = scan.scan_id) AS has_samples
    FROM scan
   WHERE started_at_us >= :since_us AND started_at_us < :until_us AND is_partial IS NOT 1
   ORDER BY started_at_us DESC LIMIT 1
),
hour AS MATERIALIZED (
  SELECT * FROM (lost)
),
restarted AS MATERIALIZED (
  SELECT cgroup_id FROM (restart) WHERE at_us >= :since_us AND at_us < :until_us
),
matching AS (
  SELECT v.path, v.name AS cgroup, v.workload, v.cgroup_id, c.first_seen_at_us, c.vanished_at_us,
         r.replica,
         CASE WHEN coalesce(c.first_seen_by, 'made') IN ('made', 'told')
                   AND c.first_seen_at_us > (SELECT min(started_at_us) FROM scan)
              THEN c.first_seen_at_us END AS began_at_us
    FROM v_cgroup v
    JOIN cgroup c USING (cgroup_id)
    JOIN (replica) r USING (cgroup_id)
   WHERE (v.path GLOB :cgroup_glob OR v.name GLOB :cgroup_glob OR v.workload GLOB :cgroup_glob)
     AND c.first_seen_at_us - 3600000000 < :until_us
     AND (c.vanished_at_us IS NULL OR c.vanished_at_us + 3600000000 >= :since_us)
),
told AS MATERIALIZED (
  SELECT *,
         began_at_us >= :since_us AND began_at_us < :until_us AS began_in_window,
         cgroup_id IN (SELECT cgroup_id FROM restarted) AS is_restart,
         -- An hour to spare: the clock may have been set back.
         iif(EXISTS (SELECT 1
                       FROM scan sc
                      CROSS JOIN sample s
                      WHERE sc.started_at_us >= max(:since_us, first_seen_at_us - 3600000000)
                        AND sc.started_at_us < min(:until_us, coalesce(vanished_at_us + 3600000000, :until_us))
                        AND s.scan_id = sc.scan_id AND s.cgroup_id = matching.cgroup_id), 1,
             EXISTS (SELECT 1  -- iif(), not OR: else SQLite looks for lost hours even where there are samples
                       FROM hour
                      CROSS JOIN sample_hour h
                      WHERE h.hour_at_us = hour.hour_at_us AND h.cgroup_id = matching.cgroup_id
                        AND (to_us - from_us = 3600000000  -- as in part_measured.sql
                             OR (first_seen_at_us < to_us AND ifnull(vanished_at_us > from_us, 1))))) AS is_measured
    FROM matching
)
SELECT path, cgroup, workload, cgroup_id, replica, first_seen_at_us, began_at_us, is_measured,
       is_restart,
       CASE WHEN (SELECT has_samples FROM last)
            THEN EXISTS (SELECT 1 FROM sample s
                          WHERE s.scan_id = (SELECT scan_id FROM last) AND s.cgroup_id = told.cgroup_id)
            END AS is_running,
       (SELECT l.effective_limit_bytes FROM cgroup_limit l
         WHERE l.cgroup_id = told.cgroup_id AND l.changed_at_us < :until_us
         ORDER BY l.changed_at_us DESC LIMIT 1) AS limit_bytes
  FROM told
 WHERE is_measured OR began_in_window IS 1 OR is_restart
 ORDER BY path, cgroup_id;
