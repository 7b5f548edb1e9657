-- Summary
-- SPDX-License-Identifier: Apache-2.0
-- The headline numbers of the window, in one row. Scans and coverage (coverage.sql) are those of the node; cgroups,
-- reclaims and OOM kills are those of the matching cgroups. Does not read `sample`, or anything else that
-- grows with cgroups times scans. A gap is more than two intervals between scans. Dry runs are counted
-- separately and never as freed. `watched`: reclaims for which it is known how much was read back.
-- `refaulted`: how much that was. `regrown`: how much the cache grew again, where the kernel can't tell what
-- was read back. `too short`: reclaims whose observation was too short to tell either. `observed`: reclaims
-- for which it is known how much stayed free at the end of the observation. `held`: what stayed free, times
-- how long, during the observation. Defined in part_told_reclaim.sql. `observed least`, `observed most`: how
-- long the reclaims were observed of which is told how much came back.
WITH
asked AS MATERIALIZED (  -- the matching cgroups
  SELECT cgroup_id FROM v_cgroup WHERE path GLOB :cgroup_glob OR name GLOB :cgroup_glob OR workload GLOB :cgroup_glob
),
seen AS (  -- a cgroup that has not vanished was seen up to the newest scan
  SELECT count(*) AS cgroups FROM cgroup
   WHERE cgroup_id IN (SELECT cgroup_id FROM asked)
     AND first_seen_at_us < :until_us
     AND CASE WHEN vanished_at_us IS NULL
              THEN max(last_seen_at_us, coalesce((SELECT max(started_at_us) FROM scan WHERE is_partial IS NOT 1), 0))
              ELSE last_seen_at_us END >= :since_us
),
reclaims AS (
  SELECT count(*) FILTER (WHERE outcome <> 'dry_run') AS reclaims,
         count(*) FILTER (WHERE outcome = 'failed') AS failed,
         count(*) FILTER (WHERE outcome = 'dry_run') AS dry_runs,
         count(DISTINCT cgroup_id) FILTER (WHERE outcome <> 'dry_run' AND freed_bytes > 0) AS cgroups,
         coalesce(sum(freed_bytes) FILTER (WHERE outcome <> 'dry_run'), 0) AS freed_bytes,
         coalesce(sum(duration_us) FILTER (WHERE outcome <> 'dry_run'), 0) AS duration_us
    FROM reclaim
   WHERE started_at_us >= :since_us AND started_at_us < :until_us AND cgroup_id IN (SELECT cgroup_id FROM asked)
),
effects AS (  -- those of the reclaims above
  SELECT count(read_back_bytes) AS watched,
         coalesce(sum(freed_bytes) FILTER (WHERE read_back_bytes IS NOT NULL), 0) AS watched_freed_bytes,
         coalesce(sum(read_back_bytes), 0) AS refaulted_bytes,
         count(*) FILTER (WHERE by_regrowth) AS by_regrowth,
         coalesce(sum(freed_bytes) FILTER (WHERE by_regrowth), 0) AS regrowth_freed_bytes,
         coalesce(sum(regrown_bytes) FILTER (WHERE by_regrowth), 0) AS regrown_bytes,
         count(stayed_free_bytes) AS observed,
         coalesce(sum(freed_bytes) FILTER (WHERE stayed_free_bytes IS NOT NULL), 0) AS observed_freed_bytes,
         coalesce(sum(stayed_free_bytes), 0) AS stayed_free_bytes,
         coalesce(sum(held_byte_seconds), 0) AS held_byte_seconds,
         count(*) FILTER (WHERE verdict = 'effective') AS effective,
         count(*) FILTER (WHERE verdict = 'churn') AS churn,
         count(*) FILTER (WHERE verdict = 'futile') AS futile,
         count(*) FILTER (WHERE verdict = 'unknown') AS unknown,
         count(*) FILTER (WHERE verdict = 'unknown' AND NOT by_regrowth) AS too_short,
         coalesce(sum(freed_bytes) FILTER (WHERE verdict = 'unknown' AND NOT by_regrowth), 0)
           AS too_short_freed_bytes,
         min(observed_for_us) FILTER (WHERE read_back_bytes IS NOT NULL OR by_regrowth) AS observed_least_us,
         max(observed_for_us) FILTER (WHERE read_back_bytes IS NOT NULL OR by_regrowth) AS observed_most_us
    FROM (told_reclaim) r
   WHERE r.started_at_us >= :since_us AND r.started_at_us < :until_us AND r.cgroup_id IN (SELECT cgroup_id FROM asked)
     AND r.outcome <> 'dry_run'
),
kills AS (  -- a kill outside the tracked cgroups has no path; it counts if no cgroup is asked for
  SELECT CAST(total(kill_count) AS INTEGER) AS oom_kills,
         CAST(total(kill_count) FILTER (WHERE cgroup_id IS NULL AND victim_path IS NULL AND dropped_from IS NULL) AS INTEGER)
           AS oom_kills_of_unknown
    FROM oom_kill LEFT JOIN v_cgroup USING (cgroup_id)
   WHERE killed_at_us >= :since_us AND killed_at_us < :until_us
     AND (coalesce(path, dropped_from, '') GLOB :cgroup_glob OR name GLOB :cgroup_glob OR workload GLOB :cgroup_glob)
),
stood AS (  -- not killed; those that began before the window and went on in it count too
  SELECT count(*) FILTER (WHERE s.kind = 'memory_high') AS throttled,
         count(*) FILTER (WHERE s.kind = 'under_oom') AS under_oom
    FROM stuck s JOIN v_cgroup USING (cgroup_id)
   WHERE began_at_us < :until_us AND coalesce(ended_at_us, last_seen_at_us) >= :since_us
     AND (path GLOB :cgroup_glob OR name GLOB :cgroup_glob OR workload GLOB :cgroup_glob)
)
SELECT (SELECT min(started_at_us) FROM scan) AS history_begins_at_us,
       coverage.first_scan_at_us,
       coverage.last_scan_at_us,
       coverage.interval_us,
       coverage.scans,
       coverage.samples,
       coverage.covered_pct,
       coverage.gaps,
       seen.cgroups,
       reclaims.reclaims,
       reclaims.cgroups AS cgroups_relieved,
       reclaims.freed_bytes,
       reclaims.duration_us AS reclaiming_us,
       reclaims.failed AS failed_reclaims,
       reclaims.dry_runs,
       kills.oom_kills,
       kills.oom_kills_of_unknown,
       effects.watched AS watched_reclaims,
       effects.watched_freed_bytes,
       effects.refaulted_bytes,
       100.0 * effects.refaulted_bytes / nullif(effects.watched_freed_bytes, 0) AS refaulted_pct,
       effects.by_regrowth AS regrowth_reclaims,
       effects.regrowth_freed_bytes,
       effects.regrown_bytes,
       effects.held_byte_seconds,
       effects.effective AS effective_reclaims,
       effects.churn AS churn_reclaims,
       effects.futile AS futile_reclaims,
       effects.unknown AS unknown_reclaims,
       effects.observed_least_us,
       effects.observed_most_us,
       effects.too_short AS too_short_reclaims,
       effects.too_short_freed_bytes,
       stood.throttled AS stuck_throttled,
       stood.under_oom AS stuck_under_oom,
       effects.observed AS observed_reclaims,
       effects.observed_freed_bytes,
       effects.stayed_free_bytes,
       coverage.missed_us,
       coverage.longest_gap_us,
       coverage.late_scans,
       coverage.latest_by_us,
       coverage.average_scan_us,
       coverage.slowest_scan_us,
       coverage.read_errors,
       coverage.starts,
       coverage.crashes,
       coverage.faults
  FROM (coverage) coverage, seen, reclaims, effects, kills, stood;
