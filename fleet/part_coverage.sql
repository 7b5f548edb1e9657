-- How much of the window each history covers
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of coverage in brackets. One row for each history; gaps as in
-- reports/coverage.sql: more than two intervals between whole scans, from the last scan before the window on; the last may be open.
-- An interval is a day at most, so scans of two days before and after the window tell all. What is held in memory is the times of all
-- whole scans of a history, some 4 MB for a week; of many histories ClickHouse puts them on its disk meanwhile, and joins only the
-- gaps that it found.
SELECT *,
       arrayFilter(x -> x.2 - x.1 > 2 * x.3 AND x.1 + x.3 < end_us,
                   arrayConcat(gaps_between,
                               -- before the first scan and after the last one of those that were read: only if it is a gap
                               [(if(before_at_us = 0 AND first_us < {since_us} - 172800000000, {since_us} - 172800000000, end_us),
                                 if(scans > 0, first_scan_at_us, end_us), toInt64(0)),
                                (if(after_at_us = 0 AND newest_at_us > 0, newest_at_us, end_us),
                                 if(last_us >= {until_us} + 172800000000, last_us, end_us), newest_interval_us)])) AS each_gap,
       length(each_gap) AS gaps,
       arraySum(x -> if(x.2 < end_us, x.2, end_us) - if(x.1 + x.3 > {since_us}, x.1 + x.3, {since_us}), each_gap) AS missed_us,
       if(empty(each_gap), NULL,
          arrayReduce('max', arrayMap(x -> if(x.2 < end_us, x.2, end_us) - if(x.1 > {since_us}, x.1, {since_us}), each_gap)))
         AS longest_gap_us,
       100 - 100 * missed_us / if(begin_us < end_us, end_us - begin_us, NULL) AS covered_pct,
       if(newest_interval_us > 0, newest_interval_us, ifNull(interval_us, 0)) AS scan_interval_us
  FROM (SELECT node, history_id, cluster, zone, pool, kernel, version, hierarchy, interval_us, first_us, last_us, replaced_at_us,
               is_running, begin_us, end_us, lost_samples, lost_rows, clock_difference_us, shipped_at_us
          FROM (seen_history)) AS h
   ANY LEFT JOIN (SELECT node, history_id, before_at_us, after_at_us,
                         maxed.1 AS newest_at_us, maxed.2 AS newest_interval_us,
                         length(inside) AS scans,
                         arraySum(x -> x.3, inside) AS samples,
                         inside[1].1 AS first_scan_at_us,
                         inside[-1].1 AS last_scan_at_us,
                         arrayFilter(x -> x.2 - x.1 > 2 * x.3,
                                     arrayMap((a, b) -> (a.1, b.1, if(a.2 > b.2, a.2, b.2)), arrayPopBack(chain), arrayPopFront(chain)))
                           AS gaps_between
                    FROM (SELECT node, history_id,
                                 maxIf(started_at_us, started_at_us <= {since_us}) AS before_at_us,
                                 argMaxIf(interval_us, started_at_us, started_at_us <= {since_us}) AS before_interval_us,
                                 argMaxIf((started_at_us, interval_us), started_at_us, started_at_us < {until_us}) AS maxed,
                                 minIf(started_at_us, started_at_us >= {until_us}) AS after_at_us,
                                 argMinIf(interval_us, started_at_us, started_at_us >= {until_us}) AS after_interval_us,
                                 arraySort(groupArrayIf((started_at_us, interval_us, cgroup_count),
                                                        started_at_us >= {since_us} AND started_at_us < {until_us})) AS sorted,
                                 arrayFilter((x, before) -> x.1 <> before.1, sorted,
                                             arraySlice(arrayPushFront(sorted, (toInt64(0), toInt64(0), toInt64(0))), 1, length(sorted)))
                                   AS inside,
                                 arrayConcat(arrayFilter(x -> x.1 > 0 AND x.1 < {since_us}, [(before_at_us, before_interval_us, toInt64(0))]),
                                             inside,
                                             arrayFilter(x -> x.1 > 0, [(after_at_us, after_interval_us, toInt64(0))])) AS chain
                            FROM (SELECT node, history_id, started_at_us, interval_us, cgroup_count FROM scan
                                   WHERE {of_node} AND ifNull(is_partial, 0) <> 1
                                     AND started_at_us >= {since_us} - 172800000000 AND started_at_us < {until_us} + 172800000000)
                           GROUP BY node, history_id)) AS s USING (node, history_id)
