-- Summary
-- SPDX-License-Identifier: Apache-2.0
-- The headline numbers of the window, in one row, as in reports/summary.sql: sums over all nodes. `nodes`: with a scan in the window;
-- `silent_nodes`: those of them that were not heard of in its last hour (nodes.sql). interval_us: the longest of any node. Coverage is
-- that of the time since each history began, up to the last scan of a silent node. A cgroup that a replaced history has not seen
-- vanish counts in the history that came after.
-- 18.16 joins two tables at a time, and takes no alias that is the name of a column in an aggregate: so all_*.
SELECT all_history_begins_at_us AS history_begins_at_us,
       all_first_scan_at_us AS first_scan_at_us,
       all_last_scan_at_us AS last_scan_at_us,
       all_interval_us AS interval_us,
       all_scans AS scans,
       all_samples AS samples,
       100 - 100 * all_missed_us / if(all_asked_us > 0, all_asked_us, NULL) AS covered_pct,
       all_gaps AS gaps,
       all_cgroups AS cgroups,
       all_reclaims AS reclaims,
       all_cgroups_relieved AS cgroups_relieved,
       all_freed_bytes AS freed_bytes,
       all_reclaiming_us AS reclaiming_us,
       all_failed_reclaims AS failed_reclaims,
       all_dry_runs AS dry_runs,
       all_oom_kills AS oom_kills,
       all_oom_kills_of_unknown AS oom_kills_of_unknown,
       all_watched_reclaims AS watched_reclaims,
       all_watched_freed_bytes AS watched_freed_bytes,
       all_refaulted_bytes AS refaulted_bytes,
       100 * all_refaulted_bytes / if(all_watched_freed_bytes > 0, all_watched_freed_bytes, NULL) AS refaulted_pct,
       all_regrowth_reclaims AS regrowth_reclaims,
       all_regrowth_freed_bytes AS regrowth_freed_bytes,
       all_regrown_bytes AS regrown_bytes,
       all_held_byte_seconds AS held_byte_seconds,
       all_effective_reclaims AS effective_reclaims,
       all_churn_reclaims AS churn_reclaims,
       all_futile_reclaims AS futile_reclaims,
       all_unknown_reclaims AS unknown_reclaims,
       all_observed_least_us AS observed_least_us,
       all_observed_most_us AS observed_most_us,
       all_too_short_reclaims AS too_short_reclaims,
       all_too_short_freed_bytes AS too_short_freed_bytes,
       all_stuck_throttled AS stuck_throttled,
       all_stuck_under_oom AS stuck_under_oom,
       all_observed_reclaims AS observed_reclaims,
       all_observed_freed_bytes AS observed_freed_bytes,
       all_stayed_free_bytes AS stayed_free_bytes,
       all_nodes AS nodes,
       all_silent_nodes AS silent_nodes
  FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (
        SELECT min(first_us) AS all_history_begins_at_us,
               minIf(first_scan_at_us, scans > 0) AS all_first_scan_at_us,
               maxIf(last_scan_at_us, scans > 0) AS all_last_scan_at_us,
               max(scan_interval_us) AS all_interval_us,
               sum(scans) AS all_scans,
               sum(samples) AS all_samples,
               sum(missed_us) AS all_missed_us,
               sum(if(begin_us < end_us, end_us - begin_us, 0)) AS all_asked_us,
               sum(gaps) AS all_gaps,
               uniqExactIf(node, scans > 0) AS all_nodes,
               uniqExactIf(node, scans > 0 AND is_running = 0 AND replaced_at_us = 0) AS all_silent_nodes
          FROM (coverage) WHERE first_us < {until_us} AND last_us >= {since_us}) AS scanned
   CROSS JOIN (SELECT sum(gone + if(replaced_at_us = 0, seen + if(last_us >= {since_us}, seen_before, 0), 0)) AS all_cgroups
          FROM (SELECT node, history_id,
                       countIf(vanished_at_us IS NOT NULL AND last_seen_at_us >= {since_us}) AS gone,
                       countIf(vanished_at_us IS NULL AND last_seen_at_us >= {since_us}) AS seen,
                       countIf(vanished_at_us IS NULL AND last_seen_at_us < {since_us}) AS seen_before  -- and there since, if it was scanned
                  FROM cgroup FINAL
                 WHERE first_seen_at_us < {until_us} AND {of_node}
                   AND {of_workload}
                 GROUP BY node, history_id) AS c
           ANY LEFT JOIN (SELECT node, history_id, last_us, replaced_at_us FROM (seen_history)) AS s USING (node, history_id)) AS seen) AS with_seen
   CROSS JOIN (SELECT countIf(is_done) AS all_reclaims,
               countIf(outcome = 'failed') AS all_failed_reclaims,
               countIf(outcome = 'dry_run') AS all_dry_runs,
               uniqExactIf(node, history_id, cgroup_id, is_done AND ifNull(freed_bytes, 0) > 0) AS all_cgroups_relieved,
               sumIf(ifNull(freed_bytes, 0), is_done) AS all_freed_bytes,
               sumIf(ifNull(duration_us, 0), is_done) AS all_reclaiming_us,
               countIf(is_done AND read_back_bytes IS NOT NULL) AS all_watched_reclaims,
               sumIf(ifNull(freed_bytes, 0), is_done AND read_back_bytes IS NOT NULL) AS all_watched_freed_bytes,
               sumIf(ifNull(read_back_bytes, 0), is_done) AS all_refaulted_bytes,
               countIf(is_done AND by_regrowth = 1) AS all_regrowth_reclaims,
               sumIf(ifNull(freed_bytes, 0), is_done AND by_regrowth = 1) AS all_regrowth_freed_bytes,
               sumIf(ifNull(told_regrown_bytes, 0), is_done AND by_regrowth = 1) AS all_regrown_bytes,
               sumIf(ifNull(held_byte_seconds, 0), is_done) AS all_held_byte_seconds,
               countIf(is_done AND judged = 'effective') AS all_effective_reclaims,
               countIf(is_done AND judged = 'churn') AS all_churn_reclaims,
               countIf(is_done AND judged = 'futile') AS all_futile_reclaims,
               countIf(is_done AND judged = 'unknown') AS all_unknown_reclaims,
               min(multiIf(is_done AND (read_back_bytes IS NOT NULL OR by_regrowth = 1), observed_for_us, NULL)) AS all_observed_least_us,
               max(multiIf(is_done AND (read_back_bytes IS NOT NULL OR by_regrowth = 1), observed_for_us, NULL)) AS all_observed_most_us,
               countIf(is_done AND judged = 'unknown' AND by_regrowth = 0) AS all_too_short_reclaims,
               sumIf(ifNull(freed_bytes, 0), is_done AND judged = 'unknown' AND by_regrowth = 0) AS all_too_short_freed_bytes,
               countIf(is_done AND stayed_free_bytes IS NOT NULL) AS all_observed_reclaims,
               sumIf(ifNull(freed_bytes, 0), is_done AND stayed_free_bytes IS NOT NULL) AS all_observed_freed_bytes,
               sumIf(ifNull(stayed_free_bytes, 0), is_done) AS all_stayed_free_bytes
          FROM (SELECT node, history_id, cgroup_id, outcome, outcome <> 'dry_run' AS is_done, ifNull(verdict, '') AS judged, freed_bytes,
                       duration_us, read_back_bytes, by_regrowth, told_regrown_bytes, held_byte_seconds, observed_for_us, stayed_free_bytes
                  FROM (window_reclaim))) AS reclaimed) AS with_reclaimed
   CROSS JOIN (SELECT sum(kill_count) AS all_oom_kills,
               sumIf(kill_count, cgroup_id IS NULL AND victim_path IS NULL AND dropped_from IS NULL) AS all_oom_kills_of_unknown
          FROM (killed)) AS kills) AS with_kills
   CROSS JOIN (SELECT countIf(kind = 'memory_high') AS all_stuck_throttled,
               countIf(kind = 'under_oom') AS all_stuck_under_oom
          FROM (was_stuck) WHERE path IS NOT NULL) AS stood) AS with_stood;
