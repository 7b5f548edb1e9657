-- The reclaims of the window
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of window_reclaim in brackets. Dry runs too.
SELECT *
  FROM reclaim FINAL
 WHERE started_at_us >= {since_us} AND started_at_us < {until_us} AND {of_node} AND path IS NOT NULL
   AND {of_workload}
