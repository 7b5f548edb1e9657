-- Backed off cgroups
-- SPDX-License-Identifier: Apache-2.0
-- Cgroups whose last reclaims did not help: each strike doubles the cooldown. Shows how long the cooldown
-- is, what remains of it, and why the last reclaim did not help. If nothing remains, the strikes still
-- count for the next reclaim; they are forgotten a day after the cooldown's end. Churn: what was
-- freed was not worth what was read back (refaulted). Futile: almost nothing was freed. Regrown: the kernel
-- can't tell what was read back, and at least half of what was freed has grown again.
-- Only present cooldowns are known: if the window ends in the past, a cgroup that was reclaimed after it is
-- left out.
-- Most important first: cgroup, remaining_us, strikes, verdict, freed_bytes
WITH backed_off AS (
  SELECT * FROM cooldown
   WHERE strikes > 0 AND last_reclaim_at_us < :until_us AND until_us > :until_us - 86400000000
),
-- In one pass, because there is no index on a reclaim's cgroup; with max(), SQLite takes the other columns from
-- the same row. Strikes are remembered for a day after the cooldown, so the reclaim that caused the last one was
-- at most a cooldown and a day before the latest.
why AS (
  SELECT r.cgroup_id, max(r.reclaim_id) AS reclaim_id, r.by_regrowth, r.verdict, r.freed_bytes, r.read_back_bytes,
         r.regrown_bytes,
         coalesce(r.requested_bytes, max(r.file_before_bytes - coalesce(r.shmem_before_bytes, 0), 0)) AS asked_bytes
    FROM (told_reclaim) r
   WHERE r.started_at_us < :until_us
     AND r.started_at_us >= (SELECT min(2 * last_reclaim_at_us - until_us) - 86400000000 FROM backed_off)
     AND r.cgroup_id IN (SELECT cgroup_id FROM backed_off)
     AND (r.verdict IN ('churn', 'futile') OR r.mostly_regrown)
   GROUP BY r.cgroup_id
)
SELECT c.name AS cgroup,
       b.strikes,
       b.until_us - b.last_reclaim_at_us AS cooldown_us,
       max(b.until_us - :until_us, 0) AS remaining_us,
       iif(why.by_regrowth, 'regrown', why.verdict) AS verdict,
       why.asked_bytes,
       why.freed_bytes,
       why.read_back_bytes AS refaulted_bytes,
       why.regrown_bytes,
       c.first_seen_at,
       c.path
  FROM backed_off b
  JOIN v_cgroup c USING (cgroup_id)
  LEFT JOIN why USING (cgroup_id)
 WHERE NOT c.vanished AND (c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob)
 ORDER BY b.strikes DESC, cooldown_us DESC, c.path;
