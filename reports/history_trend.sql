-- Memory of each workload at 32 instants
-- SPDX-License-Identifier: Apache-2.0
-- For the page of workloads. slot: 0 to 31, a part of the window. usage_bytes: what the cgroups of the workload held together in
-- the last full scan of that part that has samples left (in parts of two hours or more but the last one: the first full scan of
-- the last hour that begins in it, which the archive has at hand); where none has, the averages of the last hour that overlaps it, each
-- by how many of the hour's scans saw the cgroup. A part without either has no row.
WITH RECURSIVE
slot (slot, from_us, to_us) AS (
  SELECT 0, :since_us, :since_us + (:until_us - :since_us) / 32
   UNION ALL
  SELECT slot + 1, to_us, :since_us + (:until_us - :since_us) * (slot + 2) / 32 FROM slot WHERE slot < 31
),
instant AS MATERIALIZED (
  SELECT slot, from_us, to_us,
         coalesce(iif(slot < 31 AND to_us - from_us >= 7200000000,
                      (SELECT scan_id FROM scan
                        WHERE started_at_us >= (to_us - 1) / 3600000000 * 3600000000 AND started_at_us < to_us AND is_partial IS NOT 1
                          AND EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = scan.scan_id)
                        ORDER BY started_at_us LIMIT 1), NULL),
                  (SELECT scan_id FROM scan
                    WHERE started_at_us >= from_us AND started_at_us < to_us AND is_partial IS NOT 1
                      AND EXISTS (SELECT 1 FROM sample s WHERE s.scan_id = scan.scan_id)
                    ORDER BY started_at_us DESC LIMIT 1)) AS scan_id
    FROM slot
),
hour AS MATERIALIZED (
  SELECT slot, hour_at_us, (SELECT max(sample_count) FROM sample_hour h WHERE h.hour_at_us = last.hour_at_us) AS scan_count
    FROM (SELECT slot, (SELECT max(hour_at_us) FROM sample_hour
                         WHERE hour_at_us > from_us - 3600000000 AND hour_at_us < to_us) AS hour_at_us
            FROM instant
           WHERE scan_id IS NULL) last
   WHERE hour_at_us IS NOT NULL
)
SELECT slot, workload, CAST(sum(usage_kib) * 1024 AS INTEGER) AS usage_bytes
  FROM (SELECT slot, cgroup_id, usage_kib FROM instant CROSS JOIN sample USING (scan_id)
         UNION ALL
        SELECT slot, cgroup_id, 1.0 * usage_avg_kib * sample_count / scan_count FROM hour CROSS JOIN sample_hour USING (hour_at_us))
  JOIN (SELECT cgroup_id, coalesce(workload, name) AS workload FROM v_cgroup
         WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob OR workload GLOB :cgroup_glob) USING (cgroup_id)
 GROUP BY slot, workload
 ORDER BY workload, slot;
