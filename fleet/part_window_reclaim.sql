-- The reclaims of the window
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of window_reclaim in brackets. Dry runs too.
SELECT *
  FROM reclaim FINAL
 WHERE started_at_us >= {since_us} AND started_at_us < {until_us} AND match(node, {node_glob}) AND path IS NOT NULL
   AND (match(path, {workload_glob}) OR match(ifNull(name, ''), {workload_glob}) OR match(ifNull(workload, ''), {workload_glob}))
