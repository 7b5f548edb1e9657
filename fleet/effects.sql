-- What became of reclaims
-- SPDX-License-Identifier: Apache-2.0
-- One row for each workload, those that did not help first, as in reports/effects.sql: its restarts and replicas on all nodes are
-- added up. `nodes`: on how many it was reclaimed.
-- Most important first: workload, freed_bytes, stayed_free_bytes, refaulted_bytes, reclaims, nodes, churn, effective, futile
SELECT called AS workload,
       reclaims, watched, effective, churn, futile, failed, unknown,
       all_freed_bytes AS freed_bytes,
       all_refaulted_bytes AS refaulted_bytes,
       100 * all_refaulted_bytes / nullIf(watched_freed_bytes, 0) AS refaulted_pct,
       all_stayed_free_bytes AS stayed_free_bytes,
       all_held_byte_seconds AS held_byte_seconds,
       swapped_out_bytes,
       newest_path AS path,
       nodes
  FROM (SELECT coalesce(workload, path) AS subject,
               argMax(assumeNotNull(coalesce(workload, name)), newest) AS called, argMax(assumeNotNull(path), newest) AS newest_path,
               count() AS reclaims,
               count(read_back_bytes) AS watched,
               countIf(ifNull(verdict, '') = 'effective') AS effective,
               countIf(ifNull(verdict, '') = 'churn') AS churn,
               countIf(ifNull(verdict, '') = 'futile') AS futile,
               countIf(ifNull(verdict, '') = 'failed') AS failed,
               countIf(ifNull(verdict, '') = 'unknown') AS unknown,
               sum(freed_bytes) AS all_freed_bytes,
               sum(multiIf(read_back_bytes IS NULL, NULL, freed_bytes)) AS watched_freed_bytes,
               sum(read_back_bytes) AS all_refaulted_bytes,
               sum(stayed_free_bytes) AS all_stayed_free_bytes,
               sum(held_byte_seconds) AS all_held_byte_seconds,
               sum((swap_after_bytes - swap_before_bytes) * (swap_after_bytes > swap_before_bytes)) AS swapped_out_bytes,
               uniqExact(node) AS nodes
          FROM (SELECT *, cgroup_id * 65536 + toInt64(cityHash64(node, history_id) % 65536) AS newest FROM (told_reclaim))
         GROUP BY subject)
 ORDER BY churn + futile DESC, freed_bytes DESC, path;
