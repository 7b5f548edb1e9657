-- What made up the memory at an ancestor's limit
-- SPDX-License-Identifier: Apache-2.0
-- If the limit of an ancestor was hit: the newest scan before the kill that has the remainder of that ancestor, three
-- intervals old at most.
-- What its running cgroups held then, and what belonged to none of them: all remainders below it and its own.
-- Both add up to what was charged to it. No row: no scan has them.
WITH kill AS (
  SELECT h.cgroup_id AS holder_id, o.limit_path,
         min(o.killed_at_us - 1,
             iif(o.source = 'counter', ifnull(o.earliest_at_us, o.killed_at_us), o.killed_at_us)) AS end_at_us
    FROM oom_kill o
    JOIN cgroup h ON h.path = o.limit_path AND h.kind IN ('pod', 'inner')
    LEFT JOIN cgroup c ON c.cgroup_id = o.cgroup_id
   WHERE o.oom_kill_id = :oom_kill_id
     AND (o.cause = 'ancestor_limit' OR length(o.limit_path) < length(coalesce(c.path, o.victim_path)))
),
newest AS (
  SELECT kill.*, sc.scan_id, sc.started_at_us
    FROM kill
   CROSS JOIN scan sc
   CROSS JOIN sample s
   WHERE sc.started_at_us BETWEEN :since_us AND kill.end_at_us
     AND kill.end_at_us - sc.started_at_us <= 3 * sc.interval_us
     AND s.scan_id = sc.scan_id AND s.cgroup_id = kill.holder_id
   ORDER BY sc.started_at_us DESC
   LIMIT 1
),
part AS (
  SELECT newest.started_at_us, c.kind IN ('pod', 'inner') AS is_remainder, s.*
    FROM newest
   CROSS JOIN sample s
   CROSS JOIN cgroup c
   WHERE s.scan_id = newest.scan_id AND c.cgroup_id = s.cgroup_id
     AND (c.path = newest.limit_path OR newest.limit_path = '/'
          OR substr(c.path, 1, length(newest.limit_path) + 1) = newest.limit_path || '/')
)
SELECT started_at_us AS at_us,
       count(*) FILTER (WHERE NOT is_remainder) AS running_count,
       coalesce(sum(usage_kib) FILTER (WHERE NOT is_remainder), 0) * 1024 AS running_bytes,
       sum(usage_kib) FILTER (WHERE is_remainder) * 1024 AS remainder_bytes,
       sum(anon_kib) FILTER (WHERE is_remainder) * 1024 AS remainder_anon_bytes,
       sum(reclaimable_cache_kib) FILTER (WHERE is_remainder) * 1024 AS remainder_cache_bytes,
       sum(shmem_kib) FILTER (WHERE is_remainder) * 1024 AS remainder_tmpfs_bytes
  FROM part
HAVING count(*) > 0;
