-- What was stuck in the window
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of was_stuck in brackets. What began before the window and went on
-- in it counts too.
SELECT *
  FROM stuck FINAL
 WHERE began_at_us < {until_us} AND coalesce(ended_at_us, last_seen_at_us) >= {since_us} AND {of_node}
   AND {of_workload}
