-- Nodes
-- SPDX-License-Identifier: Apache-2.0
-- Each history of the window with what is known of its node and of the service there; those that were seen last come last.
-- Coverage, gaps, scans: as in reports/coverage.sql, up to the last scan of a node that is not heard of any more.
-- `state`: what was known at the end of the window. "silent": the last scan is more than an hour older (and three intervals).
-- "replaced": the node has begun another history since. lost_samples, lost_rows: what retention took before it was shipped.
-- problems: what of all that asks for a look. Gaps do where scans cover less than 99 % of the time. A version is old if a node has a
-- newer one; a clock is wrong if it differs by 5 s from that of ClickHouse.
-- Most important first: node, state, problems, last_at_us, covered_pct, gaps, faults, crashes, lost_samples, version
SELECT node, history_id, cluster, zone, pool, kernel, version, hierarchy, state,
       toNullable(first_us) AS first_at_us, toNullable(last_us) AS last_at_us,
       scans, scan_interval_us AS interval_us, covered_pct, gaps, longest_gap_us, starts, crashes, faults,
       lost_samples, lost_rows, clock_difference_us, shipped_at_us,
       arrayStringConcat(arrayFilter(x -> x <> '',
                                     [if(state = 'silent', 'silent', ''), if(gaps > 0 AND ifNull(covered_pct, 100) < 99, 'gaps', ''),
                                      if(crashes > 0, 'crashes', ''),
                                      if(faults > 0, 'faults', ''), if(lost_samples + lost_rows > 0, 'lost rows', ''),
                                      if(abs(ifNull(clock_difference_us, 0)) >= 5000000, 'clock', ''),
                                      if(state <> 'replaced' AND version_number < newest_number, 'old version', '')]), ', ') AS problems
  FROM (SELECT *,
               multiIf(is_running = 1, 'running', replaced_at_us > 0, 'replaced', 'silent') AS state,
               arraySum((x, i) -> toUInt64OrZero(x) * if(i = 1, 1000000000000, if(i = 2, 1000000, if(i = 3, 1, 0))),
                        arrayMap(x -> extract(x, '^[0-9]+'), splitByChar('.', ifNull(version, ''))),
                        arrayEnumerate(splitByChar('.', ifNull(version, '')))) AS version_number
          FROM (SELECT * FROM (coverage) WHERE first_us < {until_us} AND last_us >= {since_us}) AS c
           ANY LEFT JOIN (SELECT node, history_id, countIf(kind = 'start') AS starts, countIf(kind = 'crash_found') AS crashes,
                                 countIf(kind = 'fault_begin') AS faults
                            FROM service_event FINAL
                           WHERE at_us >= {since_us} AND at_us < {until_us} AND {of_node}
                           GROUP BY node, history_id) AS e USING (node, history_id)) AS ce
 CROSS JOIN (SELECT max(arraySum((x, i) -> toUInt64OrZero(x) * if(i = 1, 1000000000000, if(i = 2, 1000000, if(i = 3, 1, 0))),
                                 arrayMap(x -> extract(x, '^[0-9]+'), splitByChar('.', ifNull(version, ''))),
                                 arrayEnumerate(splitByChar('.', ifNull(version, ''))))) AS newest_number
               FROM node FINAL WHERE ifNull(last_at_us, 0) >= {since_us}) AS newest
 ORDER BY last_us, node, history_id;
