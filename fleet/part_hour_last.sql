-- The last whole hour of each history that goes on
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of hour_last in brackets. The averages of each cgroup in the last
-- whole hour of the window that is on record. A history that did not go on at the end of the window has none (part_seen_history.sql).
SELECT node, history_id, cgroup_id, hour_at_us, usage_kib, anon_kib, shmem_kib, cache_kib
  FROM (SELECT node, history_id, cgroup_id, newest.1 AS hour_at_us, newest.2 AS usage_kib, newest.3 AS anon_kib, newest.4 AS shmem_kib,
               newest.5 AS cache_kib
          FROM (SELECT node, history_id, cgroup_id,
                       arraySort(groupArray((hour_at_us, usage_kib, anon_kib, shmem_kib, cache_kib)))[-1] AS newest
                  FROM (hour)
                 WHERE hour_at_us >= {until_us} - 90000000000
                 GROUP BY node, history_id, cgroup_id)) AS each
   ANY LEFT JOIN (SELECT node, history_id, if(is_running = 1, newest_hour_us, -1) AS last_hour_us
                    FROM (SELECT node, history_id, max(hour_at_us) AS newest_hour_us FROM sample_hour
                           WHERE {of_node} AND hour_at_us >= {since_us} AND hour_at_us <= {until_us} - 3600000000
                           GROUP BY node, history_id) AS o
                     ANY LEFT JOIN (SELECT node, history_id, is_running FROM (seen_history)) AS h USING (node, history_id)) AS of_history
   USING (node, history_id)
 WHERE hour_at_us = last_hour_us
