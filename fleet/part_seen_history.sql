-- The histories, and how far into the window each goes
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of seen_history in brackets. What table node has, and:
--
--   first_us, last_us   the first and the last scan on record; 0: there is none
--   replaced_at_us      when the node began its next history, if that was before the end of the window; 0: it did not
--   is_running          1: this one went on at the end of the window, as far as is known: its last scan is at most an hour before
--                       that, or three intervals if that is longer. `ship` may tell of scans that late (samples_every)
--   begin_us, end_us    the part of the window in which it has to have scans. A node that is not heard of any more has none to have
SELECT *,
       if(indexOf(firsts, first_us) = 0, toInt64(0), firsts[indexOf(firsts, first_us) + 1]) AS replaced_at_us,
       replaced_at_us = 0 AND first_us < {until_us} AND last_us >=
         {until_us} - if(ifNull(interval_us, 0) > 1200000000, 3 * ifNull(interval_us, 0), 3600000000) AS is_running,
       if(first_us > {since_us}, first_us, {since_us}) AS begin_us,
       multiIf(replaced_at_us > 0, replaced_at_us, is_running = 1, {until_us}, last_us + ifNull(interval_us, 0)) AS ends_us,
       if(ends_us < {until_us}, ends_us, {until_us}) AS end_us
  FROM (SELECT node, history_id, cluster, zone, pool, kernel, version, hierarchy, interval_us, ifNull(first_at_us, 0) AS first_us,
               ifNull(last_at_us, 0) AS last_us, lost_samples, lost_rows, clock_difference_us, shipped_at_us
          FROM node FINAL
         WHERE {of_node}) AS n
   ANY LEFT JOIN (SELECT node, arraySort(groupUniqArrayIf(ifNull(first_at_us, 0), ifNull(first_at_us, 0) < {until_us})) AS firsts
                    FROM node FINAL
                   WHERE {of_node}
                   GROUP BY node) AS f USING (node)
