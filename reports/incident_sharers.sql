-- Cgroups that shared the limit or the node at an OOM kill
-- SPDX-License-Identifier: Apache-2.0
-- If the limit of an ancestor was hit: all cgroups below that ancestor, and its own remainder. If the node ran out of
-- memory: all tracked cgroups. For each one its newest sample before the kill, from whatever scan, and its usage a
-- minute before that (or its first sample, if it is younger). First those that grew fastest, by at least 1
-- MiB; then the victim's cgroup and the largest. cgroups_below counts all that are no remainder.
WITH kill AS (
  SELECT o.cgroup_id, o.cause, o.limit_path,
         min(o.killed_at_us - 1,
             iif(o.source = 'counter', ifnull(o.earliest_at_us, o.killed_at_us), o.killed_at_us)) AS end_at_us
    FROM oom_kill o
    LEFT JOIN cgroup c USING (cgroup_id)
   WHERE o.oom_kill_id = :oom_kill_id
     AND (o.cause IN ('ancestor_limit', 'node')
          OR length(o.limit_path) < length(coalesce(c.path, o.victim_path)))
),
-- From the last scan of all that is a minute old to the kill; who is not in the last one or later was gone.
range AS (
  SELECT kill.*, end_at_us - 60000000 AS minute_before_us,
         ifnull((SELECT max(started_at_us) FROM scan
                  WHERE started_at_us BETWEEN :since_us AND end_at_us - 60000000 AND is_partial IS NOT 1),
                :since_us) AS begin_at_us,
         ifnull((SELECT max(started_at_us) FROM scan
                  WHERE started_at_us BETWEEN :since_us AND end_at_us AND is_partial IS NOT 1),
                0) AS alive_at_us
    FROM kill
),
taken AS (
  SELECT s.cgroup_id, s.usage_kib, s.anon_kib, sc.started_at_us AS at_us, range.minute_before_us,
         range.alive_at_us
    FROM range
   CROSS JOIN scan sc
   CROSS JOIN sample s
   CROSS JOIN cgroup c
   WHERE sc.started_at_us BETWEEN range.begin_at_us AND range.end_at_us
     AND s.scan_id = sc.scan_id AND c.cgroup_id = s.cgroup_id
     AND (range.cause = 'node' OR range.limit_path = '/' OR c.path = range.limit_path
          OR substr(c.path, 1, length(range.limit_path) + 1) = range.limit_path || '/')
),
-- SQLite takes the other columns from the row that has the extreme.
newest AS (
  SELECT cgroup_id, max(at_us) AS at_us, usage_kib, anon_kib, alive_at_us FROM taken GROUP BY cgroup_id
),
before AS (
  SELECT cgroup_id, at_us, usage_kib,
         min(iif(at_us <= minute_before_us, minute_before_us - at_us, at_us)) AS distance_us
    FROM taken GROUP BY cgroup_id
),
sharer AS (
  SELECT n.cgroup_id, n.usage_kib, n.anon_kib, b.usage_kib AS before_kib, n.at_us - b.at_us AS grown_in_us,
         iif(n.usage_kib - b.usage_kib >= 1024,
             (n.usage_kib - b.usage_kib) * 1.0 / (n.at_us - b.at_us), 0) AS pace
    FROM newest n JOIN before b USING (cgroup_id)
   WHERE n.at_us >= n.alive_at_us
)
SELECT CASE WHEN c.kind = 'pod'
            THEN 'the remainder of pod ' ||
                 coalesce(c.namespace || '/', '') || coalesce(c.pod, substr(c.pod_uid, 1, 8), c.name)
            WHEN c.kind = 'inner' THEN 'the remainder of ' || c.name
            ELSE c.name END AS cgroup,
       s.before_kib * 1024 AS usage_before_bytes,
       s.usage_kib * 1024 AS usage_bytes,
       s.grown_in_us,
       s.anon_kib * 1024 AS anon_bytes,
       s.pace > 0 AS grew,
       s.cgroup_id = (SELECT cgroup_id FROM kill) AS is_victim,
       count(*) FILTER (WHERE c.kind IS NULL OR c.kind NOT IN ('pod', 'inner')) OVER () AS cgroups_below,
       c.path
  FROM sharer s
  JOIN v_cgroup c USING (cgroup_id)
 ORDER BY s.pace DESC, is_victim DESC, s.usage_kib DESC, c.path
 LIMIT 6;
