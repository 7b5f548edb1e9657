-- How much of the window each history covers
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of coverage in brackets. One row for each history; gaps as in
-- reports/coverage.sql: more than two intervals between whole scans, from the last scan before the window on; the last may be open.
-- It holds the times of all whole scans of the window in memory: some 2 MB for a node's week.
SELECT node, history_id, history_begins_at_us, newest_at_us, last_interval_us AS interval_us,
       if(history_begins_at_us > {since_us}, history_begins_at_us, {since_us}) AS begin_us,
       length(inside) AS scans,
       arraySum(x -> x.4, inside) AS samples,
       inside[1].1 AS first_scan_at_us,
       inside[-1].1 AS last_scan_at_us,
       -- each scan with the next one; the last one with the end of the window
       arrayConcat(arrayFilter(x -> x.1 > 0, [(before_at_us, before_interval_us)]),
                   arrayMap(x -> (x.1, x.2), arrayFilter(x -> x.1 > {since_us}, inside))) AS starts,
       arrayConcat(arraySlice(starts, 2), [if(after_at_us > 0, (after_at_us, after_interval_us), ({until_us}, toInt64(0)))])
         AS ends,
       arrayFilter(x -> x.2 - x.1 > 2 * x.3 AND x.1 + x.3 < {until_us},
                   arrayMap((a, b) -> (a.1, b.1, if(a.2 > b.2, a.2, b.2)), starts, arraySlice(ends, 1, length(starts)))) AS each_gap,
       length(each_gap) AS gaps,
       arraySum(x -> if(x.2 < {until_us}, x.2, {until_us}) - if(x.1 + x.3 > {since_us}, x.1 + x.3, {since_us}), each_gap) AS missed_us,
       if(empty(each_gap), NULL,
          arrayReduce('max', arrayMap(x -> if(x.2 < {until_us}, x.2, {until_us}) - if(x.1 > {since_us}, x.1, {since_us}), each_gap)))
         AS longest_gap_us
  FROM (SELECT node, history_id,
               min(started_at_us) AS history_begins_at_us,
               maxIf(started_at_us, is_whole) AS newest_at_us,
               argMaxIf(interval_us, started_at_us, is_whole AND started_at_us < {until_us}) AS last_interval_us,
               maxIf(started_at_us, is_whole AND started_at_us <= {since_us}) AS before_at_us,
               argMaxIf(interval_us, started_at_us, is_whole AND started_at_us <= {since_us}) AS before_interval_us,
               minIf(started_at_us, is_whole AND started_at_us >= {until_us}) AS after_at_us,
               argMinIf(interval_us, started_at_us, is_whole AND started_at_us >= {until_us}) AS after_interval_us,
               arraySort(groupUniqArrayIf((started_at_us, interval_us, scan_id, cgroup_count),
                                          is_whole AND started_at_us >= {since_us} AND started_at_us < {until_us})) AS inside
          FROM (SELECT *, ifNull(is_partial, 0) <> 1 AS is_whole FROM scan WHERE match(node, {node_glob}))
         GROUP BY node, history_id)
