-- Growth by workload, from the first whole hour to the last
-- SPDX-License-Identifier: Apache-2.0
-- What the cgroups of each workload held together on average in the first whole hour of the window and in the last one, on the nodes
-- that have both: `nodes` says on how many that was. A cgroup that was there for a part of the hour counts with that part. A
-- workload that moved from one of these nodes to another did not grow. `change`: new or gone, if it was not there in the first or in
-- the last hour. Where reports/growth.sql looks at samples, hours tell no spike.
-- Most important first: workload, growth_bytes, usage_before_bytes, usage_after_bytes, change, nodes, anon_growth_bytes
SELECT subject AS workload,
       multiIf(before_hours = 0, toNullable('new'), after_hours = 0, toNullable('gone'), NULL) AS change,
       usage_after_bytes - usage_before_bytes AS growth_bytes,
       usage_before_bytes, usage_after_bytes,
       anon_after_bytes - anon_before_bytes AS anon_growth_bytes,
       cache_after_bytes - cache_before_bytes AS cache_growth_bytes,
       before_hours AS cgroups_before, after_hours AS cgroups_after, nodes
  FROM (SELECT subject,
               countIf(is_first) AS before_hours, countIf(is_last) AS after_hours, uniqExact(node) AS nodes,
               if(countIf(is_first) = 0, 0, 1024 * sumIf(usage_part_kib, is_first)) AS usage_before_bytes,
               if(countIf(is_last) = 0, 0, 1024 * sumIf(usage_part_kib, is_last)) AS usage_after_bytes,
               if(countIf(is_first) = 0, 0, 1024 * sumIf(anon_part_kib, is_first)) AS anon_before_bytes,
               if(countIf(is_last) = 0, 0, 1024 * sumIf(anon_part_kib, is_last)) AS anon_after_bytes,
               if(countIf(is_first) = 0, 0, 1024 * sumIf(cache_part_kib, is_first)) AS cache_before_bytes,
               if(countIf(is_last) = 0, 0, 1024 * sumIf(cache_part_kib, is_last)) AS cache_after_bytes
          FROM (SELECT node, history_id, cgroup_id, hour_at_us = first_hour_us AS is_first, hour_at_us = last_hour_us AS is_last,
                       if(is_first, first_samples, last_samples) AS end_samples,
                       if(end_samples > 0, end_samples, 1) AS most_samples,  -- a newer ClickHouse computes this before it leaves rows out
                       intDiv(usage_kib * samples, most_samples) AS usage_part_kib, intDiv(anon_kib * samples, most_samples) AS anon_part_kib,
                       intDiv(cache_kib * samples, most_samples) AS cache_part_kib
                  FROM (SELECT node, history_id, cgroup_id, hour_at_us, samples, usage_kib, anon_kib, cache_kib FROM (hour)
                         WHERE hour_at_us < {since_us} + 7200000000 OR hour_at_us > {until_us} - 14400000000) AS h
                   ANY LEFT JOIN (SELECT node, history_id, first_hour_us, last_hour_us, first_samples, last_samples
                                    FROM (SELECT node, history_id, min(hour_at_us) AS first_hour_us, max(hour_at_us) AS last_hour_us,
                                                 argMin(most, hour_at_us) AS first_samples, argMax(most, hour_at_us) AS last_samples
                                            FROM (SELECT node, history_id, hour_at_us, max(sample_count) AS most
                                                    FROM sample_hour
                                                   WHERE {of_node} AND hour_at_us >= {since_us}
                                                     AND hour_at_us <= {until_us} - 3600000000
                                                   GROUP BY node, history_id, hour_at_us)
                                           GROUP BY node, history_id)
                                   -- a node that joined later, or is gone, says nothing about growth
                                   WHERE first_hour_us < {since_us} + 7200000000 AND last_hour_us > {until_us} - 14400000000
                                     AND first_hour_us < last_hour_us) AS e USING (node, history_id)
                 WHERE hour_at_us = first_hour_us OR hour_at_us = last_hour_us) AS ends
           ANY LEFT JOIN (SELECT node, history_id, cgroup_id, assumeNotNull(coalesce(workload, name)) AS subject,
                                 {of_workload} AS is_wanted
                            FROM cgroup FINAL
                           WHERE {of_node} AND first_seen_at_us < {until_us}
                             AND ifNull(vanished_at_us, {until_us}) >= {since_us}) AS c USING (node, history_id, cgroup_id)
         WHERE is_wanted = 1
         GROUP BY subject)
 ORDER BY growth_bytes DESC, workload;
