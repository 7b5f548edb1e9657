-- Ended cgroups whose memory may have been left
-- SPDX-License-Identifier: Apache-2.0
-- If the limit of an ancestor was hit: cgroups below it that had ended before the kill, with their last sample, if
-- they had at least 1 MiB of tmpfs, shared memory or page cache in it. The kernel leaves that charged to the
-- ancestor. Those with most tmpfs come first: it stays as long as its files do. It may have gone since.
WITH kill AS (
  SELECT o.killed_at_us, o.limit_path,
         (SELECT max(h.first_seen_at_us) FROM cgroup h
           WHERE h.path = o.limit_path AND h.first_seen_at_us <= o.killed_at_us) AS holder_seen_at_us
    FROM oom_kill o
    LEFT JOIN cgroup c USING (cgroup_id)
   WHERE o.oom_kill_id = :oom_kill_id
     AND (o.cause = 'ancestor_limit' OR length(o.limit_path) < length(coalesce(c.path, o.victim_path)))
),
ended AS (
  SELECT c.cgroup_id, c.last_seen_at_us, c.vanished_at_us, c.first_seen_at_us
    FROM kill
    JOIN cgroup c
      ON substr(c.path, 1, length(kill.limit_path) + 1) = kill.limit_path || '/' OR kill.limit_path = '/'
   WHERE c.vanished_at_us <= kill.killed_at_us AND c.last_seen_at_us >= kill.holder_seen_at_us
     AND c.vanished_by IS NOT 'hidden' AND (c.kind IS NULL OR c.kind NOT IN ('pod', 'inner'))
),
last AS (
  SELECT ended.*,
         (SELECT sc.scan_id
            FROM scan sc
           CROSS JOIN sample s
           WHERE sc.started_at_us BETWEEN ended.first_seen_at_us AND ended.vanished_at_us
             AND s.scan_id = sc.scan_id AND s.cgroup_id = ended.cgroup_id
           ORDER BY sc.started_at_us DESC LIMIT 1) AS scan_id
    FROM ended
)
SELECT c.name AS cgroup,
       last.vanished_at_us AS ended_by_us,
       sc.started_at_us AS sampled_at_us,
       s.usage_kib * 1024 AS usage_bytes,
       s.shmem_kib * 1024 AS tmpfs_bytes,
       s.reclaimable_cache_kib * 1024 AS cache_bytes,
       c.path
  FROM last
  JOIN scan sc USING (scan_id)
  JOIN sample s ON s.scan_id = last.scan_id AND s.cgroup_id = last.cgroup_id
  JOIN v_cgroup c ON c.cgroup_id = last.cgroup_id
 WHERE max(coalesce(s.shmem_kib, 0), coalesce(s.reclaimable_cache_kib, 0)) >= 1024
 ORDER BY coalesce(s.shmem_kib, 0) DESC, coalesce(s.reclaimable_cache_kib, 0) DESC, sc.started_at_us DESC, c.path
 LIMIT 6;
